"""What `validate` says of the files that a config names: the place, the reason, the exit status.

`«` marks each expected place in the config.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.cli.main import main
from rnnlite_pipeline.files import zip_bytes
from tests.config import written_sources as written

MARK = "«"

X = np.zeros((4, 7, 3), np.float32)
NAN = X.copy()
NAN[2, 1, 0] = np.nan
INFINITE = X.astype(np.float64)
INFINITE[3, 6, 2] = -np.inf
LARGE = np.full((4, 7, 3), np.finfo(np.float32).max)
LABELS = np.array([0, 1, 1, 0])
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
TWO = written.saved_model({"a": (None, 7, 3), "b": (None, 7, 3)})
GRAPH = written.graph_def("x", "logits")

#: Files by name, as each test finds them.
FILES: dict[str, bytes] = {
    "m.keras": written.keras(),
    "cut.keras": written.keras()[:-40],
    "head.keras": written.keras()[:60],
    "flipped.keras": written.keras().replace(b"batch_shape", b"batch_shapf"),
    "no-weights.keras": zip_bytes({"config.json": b"{}", "metadata.json": b"{}"}),
    "no-json.keras": zip_bytes(
        {"config.json": b"{", "metadata.json": b"{}", "model.weights.h5": b""}
    ),
    "m.h5": written.h5({"class_name": "Own", "config": {}}),
    "two.h5": written.h5(written.KERAS_2),
    "weights.h5": written.h5(),
    "cut.h5": written.h5()[:-300],
    "head.h5": written.h5()[:20],
    "m.json": b'{"class_name": "Sequential", "config": {}}',
    "m.tflite": written.tflite(),
    "cut.tflite": written.tflite()[:-30],
    "s/saved_model.pb": written.saved_model({"serving_default": (None, 7, 3)}),
    "two/saved_model.pb": TWO,
    "cut/saved_model.pb": TWO[:-20],
    "none/readme.txt": b"",
    "g.pb": GRAPH,
    "cut.pb": GRAPH[:-3],
    "empty": b"",
    "text.keras": b"not a model at all",
    "lfs.keras": LFS,
    "zip.keras": zip_bytes({"readme.md": b""}),
    "good.npz": written.npz(x=X, labels=LABELS),
    "cut.npz": written.npz(x=X)[:-40],
    "damaged.npz": written.npz(x=X + 1).replace(b"\0\0\x80?", b"\0\0\x81?", 1),
    "integers.npz": written.npz(x=X.astype(np.int64)),
    "named.npz": written.npz(y=X),
    "wide.npz": written.npz(x=np.zeros((4, 7, 5), np.float32)),
    "flat.npz": written.npz(x=X[:, 0]),
    "nan.npz": written.npz(x=NAN),
    "fortran.npz": written.npz(x=np.asfortranarray(NAN)),
    "infinite.npz": written.npz(x=INFINITE),
    "large.npz": written.npz(x=LARGE, labels=LABELS),
    "none.npz": written.npz(x=X[:0]),
    "uneven.npz": written.npz(x=X, labels=LABELS[:3]),
    "number.npz": written.npz(x=np.float32(1)),
    "objects.npz": written.npz(x=np.array([None, 1], object)),
    "only-labels.npz": written.npz(labels=LABELS),
    "more.npz": written.npz(x=X, z=X),
    "negative.npz": written.npz(x=X, labels=np.array([0, 1, -1, 0])),
    "fraction.npz": written.npz(x=X, labels=np.array([0, 0.5, 1, 0])),
    "nan-label.npz": written.npz(x=X, labels=np.array([0, 1, 0, np.nan])),
    "seven.npz": written.npz(x=X, labels=np.array([0, 7, 1, 0])),
    "rows.npz": written.npz(x=X, labels=np.array([[1.0, 0], [0, 1], [0, 1], [1, -1]])),
    "soft.npz": written.npz(x=X, labels=np.array([[0.5, 0.5], [0, 1], [0, 1], [1, 0]])),
    "two.txt": b"no\nyes\n",
    "three.txt": b"no\nyes\nperhaps\n",
    "latin.txt": b"\xe9t\xe9\n",
}


def _source(value: str) -> str:
    return f"name: m\nsource: {value}\n"


KERAS = _source("{format: keras, path: m.keras}")
TFLITE = _source("{format: tflite, path: m.tflite}")


def _data(name: str, head: str = KERAS) -> str:
    return f"{head}verification: {{data: {{path: {MARK}{name}}}}}\n"


def _calibration(name: str, head: str = KERAS) -> str:
    scheme = f"{{scheme: int8, calibration: {{path: {MARK}{name}}}}}"
    return f"{head}quantization: {scheme}\n"


def _skip(name: str, head: str = KERAS) -> str:
    return f"{head}quantization: {{scheme: dynamic_range, skip: [{MARK}{name}]}}\n"


_CHANNELS = f"""{KERAS}metadata:
  inputs:
    - name: x
      normalization: {{mean: {MARK}[1, 2], std: [1, 2]}}
"""

#: The config with a mark before each place, and a part of the message.
WRONG: dict[str, tuple[str, str]] = {
    # The format of the source and its file.
    "h5 is keras": (_source(f"{{format: {MARK}h5, path: m.keras}}"), "write format: keras"),
    "keras is h5": (_source(f"{{format: {MARK}keras, path: m.h5}}"), "write format: h5"),
    "keras is tflite": (_source(f"{{format: {MARK}keras, path: m.tflite}}"), "format: tflite"),
    "tflite is keras": (_source(f"{{format: {MARK}tflite, path: m.keras}}"), "format: keras"),
    "tflite is h5": (_source(f"{{format: {MARK}tflite, path: m.h5}}"), "format: h5"),
    "graph is tflite": (
        _source(f"{{format: {MARK}graph_def, path: m.tflite, inputs: {{x: [1]}}, outputs: [y]}}"),
        "format: tflite",
    ),
    "data as source": (
        _source(f"{{format: keras, path: {MARK}good.npz}}"),
        "is an .npz file of arrays; format keras expects a .keras file",
    ),
    "text as source": (
        _source(f"{{format: keras, path: {MARK}text.keras}}"),
        "of an unknown format",
    ),
    "another zip": (_source(f"{{format: keras, path: {MARK}zip.keras}}"), "no Keras model"),
    "git lfs": (_source(f"{{format: keras, path: {MARK}lfs.keras}}"), "run `git lfs pull`"),
    "empty": (_source(f"{{format: h5, path: {MARK}empty}}"), "empty is empty"),
    "no SavedModel": (_source(f"{{format: saved_model, path: {MARK}none}}"), "saved_model.pb"),
    "no weights": (_source(f"{{format: h5, path: {MARK}m.json}}"), "weights: FILE.h5"),
    "weights twice": (
        _source(f"{{format: h5, path: m.h5, weights: {MARK}m.h5}}"),
        "leave source.weights out",
    ),
    "weights are no h5": (
        _source(f"{{format: h5, path: m.json, weights: {MARK}m.keras}}"),
        "no HDF5 file",
    ),
    "weights are cut": (
        _source(f"{{format: keras, path: m.json, weights: {MARK}cut.h5}}"),
        "was cut short",
    ),
    # Damaged sources.
    "cut keras": (_source(f"{{format: keras, path: {MARK}cut.keras}}"), "was cut short"),
    "head of keras": (_source(f"{{format: keras, path: {MARK}head.keras}}"), "was cut short"),
    "flipped keras": (
        _source(f"{{format: keras, path: {MARK}flipped.keras}}"),
        "config.json fails its checksum",
    ),
    "keras without weights": (
        _source(f"{{format: keras, path: {MARK}no-weights.keras}}"),
        "it has no model.weights.h5",
    ),
    "keras without JSON": (
        _source(f"{{format: keras, path: {MARK}no-json.keras}}"),
        "its config is no JSON",
    ),
    "weights alone": (
        _source(f"{{format: h5, path: {MARK}weights.h5}}"),
        "holds weights only, without the model they belong to",
    ),
    "calibration of an h5": (
        _calibration("integers.npz", _source("{format: h5, path: two.h5}")),
        "`x` is int64, and the input float32",
    ),
    "pin of an h5": (
        _source(f"{{format: h5, path: two.h5, inputs: {{x: {MARK}[null, 8, 3]}}}}"),
        "the model has [null, 7, 3]",
    ),
    "layer of a keras": (_skip("y"), "the model has no layer `y`"),
    "layer of an h5": (
        _skip("bothh", _source("{format: h5, path: two.h5}")),
        "the model has no layer `bothh`. Did you mean both?",
    ),
    "layer of a tflite": (_skip("tabel", TFLITE), "`tabel`. Did you mean table?"),
    "cut h5": (_source(f"{{format: h5, path: {MARK}cut.h5}}"), "was cut short"),
    "head of h5": (_source(f"{{format: h5, path: {MARK}head.h5}}"), "was cut short"),
    "cut tflite": (_source(f"{{format: tflite, path: {MARK}cut.tflite}}"), "was cut short"),
    "cut SavedModel": (_source(f"{{format: saved_model, path: {MARK}cut}}"), "is damaged"),
    "cut graph": (
        _source(f"{{format: graph_def, path: {MARK}cut.pb, inputs: {{x: [1]}}, outputs: [x]}}"),
        "is damaged",
    ),
    # What the config says of the model.
    "signature": (
        _source(f"{{format: saved_model, path: two, signature: {MARK}aa}}"),
        "no signature `aa`. Did you mean a?",
    ),
    "input of a graph": (
        _source(f"{{format: graph_def, path: g.pb, inputs: {{z: {MARK}[1]}}, outputs: [x]}}"),
        "the graph has no tensor `z`",
    ),
    "output of a graph": (
        _source(f"{{format: graph_def, path: g.pb, inputs: {{x: [1]}}, outputs: [{MARK}logit]}}"),
        "Did you mean logits?",
    ),
    "pin of no input": (
        _source(f"{{format: keras, path: m.keras, inputs: {{xs: {MARK}[1, 7, 3]}}}}"),
        "no input `xs`",
    ),
    "pin of a fixed size": (
        _source(f"{{format: tflite, path: m.tflite, inputs: {{x: {MARK}[1, 8, 3]}}}}"),
        "`x` is pinned to [1, 8, 3], and the model has [null, 7, 3]",
    ),
    "pin of another rank": (
        _source(f"{{format: saved_model, path: s, inputs: {{x: {MARK}[1, 7]}}}}"),
        "pinned to [1, 7]",
    ),
    "module": (
        _source(f"{{format: concrete_function, factory: {MARK}nowhere.at:build}}"),
        "no module nowhere",
    ),
    "described output": (
        f"{TFLITE}metadata: {{outputs: [{{name: {MARK}z}}]}}\n",
        "no output `z`; it has y",
    ),
    "described dimensions": (
        f"{KERAS}metadata: {{inputs: [{{name: x, dimensions: {MARK}[batch, time]}}]}}\n",
        "2 names; `x` has 3 dimensions",
    ),
    "channels": (
        _CHANNELS,
        "2 values; `x` has 3 channels",
    ),
    "label file": (
        f"{TFLITE}metadata: {{outputs: [{{name: y, labels: {MARK}three.txt}}]}}\n",
        "three.txt has 3 labels; `y` is 2 wide",
    ),
    "label file in Latin-1": (
        f"{KERAS}metadata: {{outputs: [{{name: y, labels: {MARK}latin.txt}}]}}\n",
        "expected text in UTF-8",
    ),
    # Calibration.
    "calibration of integers": (_calibration("integers.npz"), '.astype("float32")'),
    "calibration of NaN": (
        _calibration("nan.npz"),
        "`x`, row 2 (counted from 0): a value is NaN or infinite",
    ),
    "calibration in Fortran order": (_calibration("fortran.npz"), "row 2 (counted from 0)"),
    "calibration of another name": (_calibration("named.npz"), "no array for the input `x`"),
    "calibration of another width": (_calibration("wide.npz"), "[4, 7, 5]; expected [N, 7, 3]"),
    "calibration of another rank": (_calibration("flat.npz"), "[4, 3]; expected [N, 7, 3]"),
    "calibration, cut": (_calibration("cut.npz"), "not an .npz file, or damaged"),
    "calibration, damaged": (_calibration("damaged.npz"), "damaged (Bad CRC-32"),
    "calibration of nothing": (_calibration("none.npz"), "holds no samples"),
    "calibration of a tflite": (_calibration("wide.npz", TFLITE), "expected [N, 7, 3] (m.tflite)"),
    "calibration of a SavedModel": (
        _calibration("integers.npz", _source("{format: saved_model, path: s}")),
        "is int64, and the input float32",
    ),
    "calibration by a pin": (
        _calibration("wide.npz", _source("{format: h5, path: m.h5, inputs: {x: [null, 7, 3]}}")),
        "source.inputs has [null, 7, 3]",
    ),
    # Verification data.
    "infinite data": (
        _data("infinite.npz", _source("{format: h5, path: m.h5, inputs: {x: [null, 7, 3]}}")),
        "row 3 (counted from 0)",
    ),
    "data of another dtype": (_data("infinite.npz"), "is float64, and the input float32"),
    "data is no npz": (_data("m.json"), "not an .npz file"),
    "uneven data": (_data("uneven.npz"), "different numbers of samples: labels 3, x 4"),
    "one number": (_data("number.npz"), "is a single number"),
    "objects": (_data("objects.npz"), "holds objects or records; expected numbers"),
    "labels without input": (_data("only-labels.npz"), "has labels, but no input"),
    "unknown array": (_data("more.npz"), "`z`, which is no input"),
    # Labels.
    "negative label": (_data("negative.npz"), "row 2 (counted from 0): the label is -1"),
    "fraction": (_data("fraction.npz"), "the label is 0.5; expected a whole number"),
    "label that is NaN": (_data("nan-label.npz"), "the label is nan"),
    "class of a tflite": (_data("seven.npz", TFLITE), "7; expected a whole number from 0 to 1"),
    "class by its names": (
        f"{_data('seven.npz')}metadata: {{outputs: [{{name: y, labels: two.txt}}]}}\n",
        "from 0 to 1",
    ),
    "negative row": (_data("rows.npz", TFLITE), "the label is -1; expected values of at least 0"),
}

GOOD = {
    "keras": KERAS,
    "h5": _source("{format: h5, path: m.h5}"),
    "architecture": _source("{format: keras, path: m.json, weights: m.h5}"),
    "tflite": TFLITE,
    "saved model": _source("{format: saved_model, path: s, inputs: {x: [1, 7, 3]}}"),
    "signature": _source("{format: saved_model, path: two, signature: b}"),
    "graph": _source("{format: graph_def, path: g.pb, inputs: {x: [1]}, outputs: ['logits:0', x]}"),
    "data": _data("good.npz"),
    "data of a tflite": _data("good.npz", TFLITE),
    "soft labels": _data("soft.npz", TFLITE),
    "large numbers": _data("large.npz"),
    "data of an h5": _data("good.npz", _source("{format: h5, path: two.h5}")),
    "layer of a keras": _skip("x"),
    "layer of an h5": _skip("both/words/MatMul", _source("{format: h5, path: two.h5}")),
    "layer of an unknown h5": _skip("both", _source("{format: h5, path: m.h5}")),
    "layer of a tflite": _skip("table", TFLITE),
    "calibration with labels": _calibration("good.npz"),
    "calibration of a source that is not known": _calibration(
        "integers.npz", _source("{format: h5, path: m.h5}")
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of `FILES`."""
    made = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(content)
    return made


def _validated(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    (folder / "config.yaml").write_text(text.replace(MARK, ""), encoding="utf-8")
    status = main(["validate", str(folder / "config.yaml"), "--out", str(folder / "build")])
    return status, capsys.readouterr().err


def _places(marked: str) -> list[str]:
    return [
        f"{number}:{line.index(MARK) + 1}:"
        for number, line in enumerate(marked.splitlines(), 1)
        if MARK in line
    ]


@pytest.mark.parametrize(("marked", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_told_with_its_place(
    marked: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`validate` ends with status 2 and names file, line, column and reason, without TensorFlow."""
    status, told = _validated(folder, marked, capsys)
    (place,) = _places(marked)
    assert status == 2
    assert f"{folder}/config.yaml:{place}" in told
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_fits_is_valid(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sources and data that fit each other are no problem, nor is what only an import can know."""
    assert _validated(folder, text, capsys) == (0, "")


def test_the_last_import_says_what_a_file_does_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an H5 file of an own class does not: data, labels and layers are held to it."""
    from rnnlite_pipeline.config import load_config
    from rnnlite_pipeline.config.declared import source_digest

    head = _source("{format: h5, path: m.h5}")
    path = folder / "config.yaml"
    path.write_text(head)
    told = {
        "of": source_digest(load_config(path)),
        "inputs": [{"name": "x", "shape": [None, 7, 3], "dtype": "float32"}],
        "outputs": [{"name": "p", "shape": [None, 3], "dtype": "float32"}],
    }
    work = folder / "build" / "m" / ".work"
    work.mkdir(parents=True)
    (work / "source.json").write_text(json.dumps(told))
    (work / "source.tflite").write_bytes(written.tflite())
    try:
        for text, said in {
            _calibration("integers.npz", head): "is int64, and the input float32",
            _data("wide.npz", head): "expected [N, 7, 3] (the last import)",
            _data("seven.npz", head): "expected a whole number from 0 to 2",
            _skip("tabel", head): "the model has no layer `tabel`. Did you mean table?",
        }.items():
            status, found = _validated(folder, text, capsys)
            assert (status, said in found) == (2, True), found
        assert _validated(folder, _skip("table", head), capsys) == (0, "")
    finally:
        (work / "source.json").unlink()
