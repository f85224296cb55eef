"""Verification of data in parts: the same verification.json as in one piece."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.stages import verify as stage
from rnnlite_pipeline.stages.batch import batch
from rnnlite_pipeline.stages.verify import verify
from rnnlite_pipeline.verify import batches
from rnnlite_pipeline.verify.oracle import Answer

SAMPLES = 300  # calls of 64: five


def _dense(factor: float) -> bytes:
    """y = relu(x W), x and y [N, 3]."""
    x, y = (Tensor(name, "FLOAT32", (-1, 3)) for name in "xy")
    matrix = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32) * factor
    options = {"fused_activation_function": "RELU"}
    weights = Tensor.constant("w", matrix.astype(np.float32))
    op = Op("FULLY_CONNECTED", [x, weights, None], [y], options, "FullyConnectedOptions")
    main = Subgraph("main", [x], [y], [op])
    return write_model(Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})]))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A .tflite source, and data with labels."""
    (tmp_path / "m.tflite").write_bytes(_dense(1.0))
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((SAMPLES, 3)).astype("f"), rng.integers(0, 3, SAMPLES)
    np.savez(tmp_path / "data.npz", x=x, labels=labels)
    return Config.model_validate(
        {
            "name": "dense",
            "source": {"format": "tflite", "path": str(tmp_path / "m.tflite")},
            "verification": {"data": {"path": str(tmp_path / "data.npz")}},
        }
    )


@pytest.fixture(autouse=True)
def _few_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has nothing to do with the data is left out."""

    @contextmanager
    def none(*_: object) -> Iterator[Callable[[], None]]:
        yield lambda: None

    monkeypatch.setattr(stage, "in_every_interpreter", none)


def folder(tmp_path: Path, name: str, factor: float = 1.0) -> Path:
    """The folder of a release with its model made, y = relu(x W) with W times `factor`."""
    out = tmp_path / name
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "source.tflite").write_bytes(_dense(1.0))
    (out / "model.tflite").write_bytes(_dense(factor))
    return out


def _verified(config: Config, out: Path) -> bytes:
    try:
        verify(config, out, Pipeline.model_validate({}))
    except VerificationFailed:
        assert (out / "model.failed.tflite").exists()
    return (out / "verification.json").read_bytes()


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_parts_give_the_same_bytes(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    """A right model and a wrong one: verification.json does not depend on how the data was run."""
    whole = _verified(config, folder(tmp_path, "whole", factor))
    parted = folder(tmp_path, "parted", factor)
    for number in range(3):
        batch(config, parted, Part(number, 3))
    made = list[Part]()
    monkeypatch.setattr(batches, "run_part", lambda part, *_: made.append(part))
    assert _verified(config, parted) == whole
    assert made == []


def test_no_parts_need_no_digests(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the data is in one piece, the files of the source are not read for their digests."""
    monkeypatch.setattr(stage, "made_of", lambda *_: pytest.fail("nobody asks for it"))
    assert b'"passed": true' in _verified(config, folder(tmp_path, "whole"))


def test_what_is_missing_is_run(config: Config, tmp_path: Path) -> None:
    """One part of three is there, and one is damaged."""
    whole = _verified(config, folder(tmp_path, "whole"))
    parted = folder(tmp_path, "parted")
    for number in (1, 2):
        batch(config, parted, Part(number, 3))
    (parted / BATCHES / f"{Part(1, 3).called}.npz").write_bytes(b"damaged")
    assert _verified(config, parted) == whole


def test_a_part_that_is_packed_in_an_unknown_way_is_run(config: Config, tmp_path: Path) -> None:
    """A flipped byte that names another compression does not end verify."""
    whole = _verified(config, folder(tmp_path, "whole"))
    parted = folder(tmp_path, "parted")
    batch(config, parted, Part(0, 1))
    path = parted / BATCHES / f"{Part(0, 1).called}.npz"
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 10] = 99  # the compression of the last entry
    path.write_bytes(content)
    assert _verified(config, parted) == whole


def test_parts_of_another_model_are_not_taken(config: Config, tmp_path: Path) -> None:
    """What was made of another model says nothing of this one."""
    other = folder(tmp_path, "other")
    for number in range(3):
        batch(config, other, Part(number, 3))
    wrong = folder(tmp_path, "wrong", 1.5)
    shutil.copytree(other / BATCHES, wrong / BATCHES)
    assert _verified(config, wrong) == _verified(config, folder(tmp_path, "whole", 1.5))


def test_a_second_call_that_differs_is_kept(tmp_path: Path) -> None:
    """A part tells a model that gives another result when called again."""
    one, two = ({"y": np.array([value], np.float32)} for value in (0.0, -0.0))
    answers = (Answer((one, one), {}),)
    calls = {"default": ((one, two), (two, two))}
    batches.Parts(tmp_path, lambda: "basis").write(Part(0, 1), batches.Ran(answers, calls))
    ran = batches._unpacked((tmp_path / BATCHES / "001-of-001.npz").read_bytes(), "basis")
    assert ran is not None
    signs = [[str(call["y"][0]) for call in pair] for pair in ran.calls["default"]]
    assert signs == [["0.0", "-0.0"], ["-0.0", "-0.0"]]
