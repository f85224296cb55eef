"""Samples from a file or made up, and the cases they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.sources.model import TensorSpec
from rnnlite_pipeline.verify.cases import cases
from rnnlite_pipeline.verify.data import fixed_batch, random_samples, read_samples, rows

X = TensorSpec("x", "float32", (None, None, 3))
TOKENS = TensorSpec("tokens", "int32", (None, None))
Y = TensorSpec("y", "float32", (None, 2))
Z = TensorSpec("z", "float32", (None, 4))


def arrays(**changes: Any) -> dict[str, Any]:
    """The arrays of a right data file, with changes; None leaves one out."""
    right = {"x": np.zeros((5, 7, 3), np.float32), "labels": np.zeros(5, np.int64)}
    return {name: array for name, array in (right | changes).items() if array is not None}


def test_a_file_gives_inputs_and_labels(tmp_path: Path) -> None:
    """`labels` belong to the first output, `labels_OUTPUT` to that output."""
    np.savez(tmp_path / "d.npz", **arrays(labels_z=np.ones(5, np.int64)))
    samples = read_samples(tmp_path / "d.npz", [X], [Y, Z])
    assert len(samples) == 5
    assert list(samples.inputs) == ["x"]
    assert {name: int(array[0]) for name, array in samples.labels.items()} == {"y": 0, "z": 1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x": None}, 'has no array "x"'),
        ({"w": np.zeros(5)}, 'has an array "w" that is no input'),
        ({"x": np.zeros((5, 7, 3))}, r'"x" of dtype float64.*\n.*astype\("float32"\)'),
        ({"x": np.zeros((5, 7, 4), np.float32)}, r'"x" of shape \[5, 7, 4\]'),
        ({"x": np.zeros((5, 7), np.float32)}, r"\n.*'N', 'any', 3"),
        ({"x": np.full((5, 7, 3), np.nan, np.float32)}, "NaN or infinite"),
        ({"labels": np.zeros(4, np.int64)}, "different or no samples"),
        ({"x": np.zeros((0, 7, 3), np.float32), "labels": None}, "different or no samples"),
        ({"labels": np.array([{}] * 5)}, "holds objects"),
    ],
)
def test_a_wrong_file_says_what_was_expected(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Each way an array can be wrong is a sentence with the array's name."""
    np.savez(tmp_path / "d.npz", **arrays(**changes))
    with pytest.raises(VerificationFailed, match=said):
        read_samples(tmp_path / "d.npz", [X], [Y])


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 cut short"])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or damaged file is a sentence with its path."""
    path = tmp_path / "d.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VerificationFailed, match=r"d\.npz (cannot be read|is no \.npz)"):
        read_samples(path, [X], [Y])


def test_random_samples_stay_where_the_input_takes_them() -> None:
    """Floats are normal, indices below their limit, other integers 0 or 1; a seed repeats them."""
    flags = TensorSpec("flags", "bool", (None, 2))
    samples = random_samples([X, TOKENS, flags], {"tokens": range(4)}, 50, 7).inputs
    assert {n: a.dtype.name for n, a in samples.items()} == {
        "x": "float32", "tokens": "int32", "flags": "bool",
    }  # fmt: skip
    assert set(np.unique(samples["tokens"])) == {0, 1, 2, 3}
    assert abs(float(samples["x"].std()) - 1) < 0.1
    again = random_samples([X, TOKENS, flags], {"tokens": range(4)}, 50, 7).inputs
    assert all((samples[n] == again[n]).all() for n in samples)
    assert (random_samples([X], {}, 50, 8).inputs["x"] != samples["x"]).any()


def test_rows_start_over_at_the_end() -> None:
    """Fewer samples than a batch are repeated."""
    assert rows({"x": np.arange(2)}, 1, 4)["x"].tolist() == [1, 0, 1, 0]


def test_inputs_without_a_batch_are_taken_whole(tmp_path: Path) -> None:
    """Scalars, and inputs that are closed and have no axis in common, come whole to each call."""
    tokens = TensorSpec("tokens", "float32", (4, 6))
    state = TensorSpec("state", "float32", (2, 2, 4, 8))
    keep = TensorSpec("keep", "float32", ())
    samples = random_samples([tokens, state, keep], {}, 5, 0)
    made = list(cases(samples, [tokens, state, keep], {}))
    assert len(made[0].feeds) == 5
    for case in made:
        assert case.batches == [1]
        for feed in case.feeds:
            assert [feed[n].shape for n in ("tokens", "state", "keep")] == [
                (4, 6),
                (2, 2, 4, 8),
                (),
            ]
    path = tmp_path / "d.npz"
    stored: dict[str, Any] = dict(samples.inputs)
    np.savez(path, **stored)
    assert len(read_samples(path, [tokens, state, keep], [Y])) == 5
    for case in cases(random_samples([X, keep], {}, 5, 0), [X, keep], {}):
        for feed in case.feeds:
            assert feed["keep"].shape == ()
            assert feed["x"].shape[0] in (1, 3, 5, 17)


@pytest.mark.parametrize("shapes", [[(2, 3), (4, 3), (None, 3)]])
def test_inputs_without_a_common_batch_are_refused(shapes: list[tuple[int | None, ...]]) -> None:
    """Where inputs disagree on how many samples a call has, the shapes are named."""
    specs = [TensorSpec(f"x{i}", "float32", shape) for i, shape in enumerate(shapes)]
    with pytest.raises(VerificationFailed, match="no common batch axis"):
        fixed_batch(specs)
