"""`quantization.scheme: auto`: what it needs, and how a choice settles a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen, chosen_by, settled
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.release.digests import flat

DATA = {"data": {"path": "test.npz"}}
AUTO = {"scheme": "auto", "max_accuracy_drop": 0.01}


def _config(quantization: dict[str, Any], verification: dict[str, Any] | None = None) -> Config:
    source = {"format": "keras", "path": "m.keras"}
    told = {"name": "m", "source": source, "quantization": quantization}
    return Config.model_validate(told | {"verification": verification or DATA})


@pytest.mark.parametrize(
    "quantization",
    [
        {"scheme": "auto"},
        {"scheme": "int8", "max_accuracy_drop": 0.1, "calibration": {"path": "c.npz"}},
        AUTO | {"skip": ("dense",)},
        AUTO | {"input_type": "int8"},
    ],
)
def test_keys_that_do_not_go_together(quantization: dict[str, Any]) -> None:
    """auto needs the drop, finds what to skip, and leaves the interface in float."""
    with pytest.raises(ValidationError):
        _config(quantization)


def test_auto_needs_labels() -> None:
    """Random data has none."""
    with pytest.raises(ValidationError):
        _config(AUTO, {"data": {"random": {"samples": 2}}})


def test_a_choice_settles_a_config(tmp_path: Path) -> None:
    """Later stages see the scheme that was chosen, with its own bounds; others stay as they are."""
    config = _config(AUTO | {"calibration": {"path": "c.npz"}})
    (tmp_path / CHOSEN).parent.mkdir()
    (tmp_path / CHOSEN).write_bytes(Chosen("dynamic_range", ("dense", "lstm")).as_json())
    found = settled(config, tmp_path)
    assert found.quantization.scheme == "dynamic_range"
    assert found.quantization.skip == ("dense", "lstm")
    assert found.quantization.calibration is None
    assert found.tolerance == 5e-2
    plain = _config({"scheme": "float16"})
    assert settled(plain, tmp_path) is plain


def test_a_search_that_has_not_run(tmp_path: Path) -> None:
    """It is one error with what to do, not a guess."""
    with pytest.raises(StageError, match="has not run"):
        settled(_config(AUTO), tmp_path)


@pytest.mark.parametrize("skip", [(), tuple(f"layer{i}" for i in range(12))])
def test_a_lock_holds_the_choice(skip: tuple[str, ...]) -> None:
    """It is read as it was written, more than ten layers in their order; auto alone is none."""
    chosen = Chosen("float16", skip)
    lock = flat({"config": chosen.settle(_config(AUTO)).normalized()})
    assert lock["config.quantization.max_accuracy_drop"] == 0.01
    assert chosen_by(lock) == chosen
    assert chosen_by(flat({"config": _config(AUTO).normalized()})) is None
