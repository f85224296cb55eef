"""Where a config's `metadata:` and the model do not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlite_pipeline.config.associated import AssociatedFiles
from rnnlite_pipeline.metadata.checks import wrong_metadata
from tests.metadata.described import CONFIG, config, model


@pytest.mark.parametrize(
    ("old", "new", "loc", "said"),
    [
        ("", "", (), ""),
        ("name: image", "name: imag", ("inputs", 0, "name"), "no input `imag`. Did you mean image"),
        ("[batch, row, column]", "[row, column]", ("inputs", 0, "dimensions"), "2 names; `image`"),
        (
            "{mean: [0.1], std: [0.3]}",
            "{mean: [1, 2], std: [1, 1]}",
            ("inputs", 0, "normalization", "mean"),
            "`image` has 8 channels; give 1 or 8",
        ),
    ],
)
def test_what_does_not_fit_has_its_place(
    tmp_path: Path, old: str, new: str, loc: tuple[object, ...], said: str
) -> None:
    """Names, dimensions and channels are those of the model."""
    made = config(tmp_path, CONFIG.replace(old, new) if old else CONFIG)
    found = list(wrong_metadata(model(), made, AssociatedFiles(made)))
    assert [place for place, _ in found] == ([("metadata", *loc)] if said else [])
    assert all(said in message for _, message in found)


@pytest.mark.parametrize(
    ("shape", "labels", "fits"),
    [((-1, 3), 3, True), ((-1, 3), 2, False), ((-1, -1), 2, True), (None, 2, True), ((), 1, True)],
)
def test_a_label_for_each_value(
    tmp_path: Path, shape: tuple[int, ...] | None, labels: int, fits: bool
) -> None:
    """Of the last axis; an open axis or rank is not checked, a single number has one label."""
    text = CONFIG.replace("      dimensions: [batch, row, column]\n", "")
    made = config(tmp_path, text, "label\n" * labels)
    other = model()
    other.main.outputs[0].shape = shape
    found = list(wrong_metadata(other, made, AssociatedFiles(made)))
    assert [place for place, _ in found] == ([] if fits else [("metadata", "outputs", 0, "labels")])
