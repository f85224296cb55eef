"""The header of a SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config.headers.interface import Tensor, WrongSource
from rnnlite_pipeline.config.headers.saved_model import read
from rnnlite_pipeline.config.source import Source
from tests.config.written_sources import field, saved_model

X = Tensor((None, 7, 3), "float32")


def source(**values: Any) -> Source:
    """The section of a SavedModel."""
    return Source(format="saved_model", path="m", **values)


def folder(path: Path, content: bytes) -> Path:
    """A folder with this saved_model.pb."""
    (path / "saved_model.pb").write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("names", "asked", "known"),
    [
        (["serving_default"], None, True),
        (["other", "serving_default"], None, True),
        (["other"], None, True),
        (["other", "another"], None, False),
        (["other", "another"], "another", True),
        (["other", "__saved_model_init_op"], None, True),
        (["__saved_model_init_op"], None, False),
    ],
)
def test_which_signature_is_taken(
    tmp_path: Path, names: list[str], asked: str | None, known: bool
) -> None:
    """The one that the config names, the default one, or the only one; else none is known."""
    content = saved_model(dict.fromkeys(names, (None, 7, 3)))
    found = read(folder(tmp_path, content), source(signature=asked))
    assert (found is not None) == known
    if found is not None:
        assert dict(found.inputs) == {"x": X}
        assert dict(found.outputs) == {"y": Tensor((None, 2), "float32")}


def test_a_signature_that_is_not_there(tmp_path: Path) -> None:
    """The key of the config, and what was perhaps meant."""
    path = folder(tmp_path, saved_model({"serve": (None,)}))
    with pytest.raises(WrongSource, match=r"no signature `serv`\. Did you mean serve") as raised:
        read(path, source(signature="serv"))
    assert raised.value.loc == ("source", "signature")
    folder(tmp_path, saved_model({}))
    with pytest.raises(WrongSource, match="The folder has no signature"):
        read(tmp_path, source(signature="serv"))


def info(dtype: int, shape: bytes) -> bytes:
    """A SavedModel with an input of this TensorInfo beside x."""
    x = field(1, field(1, "x") + field(2, field(1, "x:0") + field(2, 1) + field(3, b"")))
    z = field(1, field(1, "z") + field(2, field(1, "z:0") + field(2, dtype) + shape))
    signature = field(5, field(1, "serving_default") + field(2, x + z))
    return field(2, field(1, field(4, "serve")) + signature)


@pytest.mark.parametrize(
    ("dtype", "shape", "tensor"),
    [
        (9, field(3, field(2, field(1, 5)) + field(2, field(1, -1))), Tensor((5, None), "int64")),
        (1, field(3, field(3, 1)), Tensor(None, "float32")),
        (1, b"", Tensor(None, "float32")),
        (1, field(3, b""), Tensor((), "float32")),
        (7, field(3, b""), None),
    ],
)
def test_types_and_shapes(tmp_path: Path, dtype: int, shape: bytes, tensor: Tensor | None) -> None:
    """An open size, an open rank, a scalar; of a text nothing is known of the whole interface."""
    found = read(folder(tmp_path, info(dtype, shape)), source())
    assert (found and dict(found.inputs)) == (tensor and {"x": Tensor((), "float32"), "z": tensor})


def test_a_constant_of_the_config_is_no_input(tmp_path: Path) -> None:
    """It is not fed."""
    found = read(folder(tmp_path, info(1, b"")), source(constants={"z": 1.0}))
    assert found is not None
    assert list(found.inputs) == ["x"]


@pytest.mark.parametrize("content", [b"", field(1, 1), saved_model({"a": (1,)})[:-2], b"\xff" * 9])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    """Empty, without a graph, or cut; the error says what to do."""
    with pytest.raises(WrongSource, match=r"saved_model.pb is damaged.*export the model again"):
        read(folder(tmp_path, content), source())


def test_what_is_left_to_the_import(tmp_path: Path) -> None:
    """A graph that is not for serving, and a SavedModel as text."""
    assert read(folder(tmp_path, field(2, field(1, field(4, "train")))), source()) is None
    (tmp_path / "saved_model.pb").unlink()
    assert read(tmp_path, source()) is None
