"""The files a config names: there, and what they should be."""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.config import check_files, load_config
from rnnlite_pipeline.errors import ConfigError
from rnnlite_pipeline.files import digest
from tests.fake.project import keras_file

#: What stands for a .keras file.
MODEL = keras_file(b"model")

Write = Callable[[str], Path]
Array = NDArray[Any]

HEAD = "name: m\nsource: {format: keras, path: m.keras}\n"
#: The metadata that the pipeline `release` asks for.
RELEASABLE = (
    "{description: d, author: a, license: mit, outputs: [{name: y, description: d}],"
    " inputs: [{name: x, description: d, dimensions: [n, t, f]}]}"
)
DATA = f"{HEAD}verification: {{data: {{path: t.npz}}}}\n"
LABELLED = f"{HEAD}verification: {{data: {{path: t.npz}}, min_accuracy: 0.9}}\n"


@pytest.fixture(autouse=True)
def model(tmp_path: Path) -> Path:
    """A source file that does not say what its inputs are."""
    path = tmp_path / "m.keras"
    path.write_bytes(MODEL)
    return path


def _problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_files(load_config(path))
    assert len(caught.value.details) == len(caught.value.problems)
    return caught.value.problems


def test_every_missing_file_is_told_at_once(write: Write) -> None:
    """Source, data, calibration, labels, included files, pipeline: each at its place."""
    text = (
        "name: m\npipeline: nosuch\nsource: {format: keras, path: n.keras}\n"
        "quantization: {scheme: int8, calibration: {path: c.npz}}\n"
        "verification: {data: {path: t.npz}}\n"
        "metadata: {outputs: [{name: y, labels: l.txt}]}\npackage: {include: [a.md, b.md]}\n"
    )
    places = [problem.split(": ")[:2] for problem in _problems(write(text))]
    assert places == [
        ["2:11", "pipeline"],
        ["3:31", "source.path"],
        ["4:50", "quantization.calibration.path"],
        ["5:29", "verification.data.path"],
        ["6:40", "metadata.outputs[0].labels"],
        ["7:21", "package.include[0]"],
        ["7:27", "package.include[1]"],
    ]


def test_files_that_are_there_pass(write: Write, tmp_path: Path) -> None:
    """Pinned, labelled and included files that fit are no problem, outside the folder or in."""
    (tmp_path / "README.md").write_text("text")
    labels = np.zeros(5, np.int64)
    np.savez_compressed(tmp_path / "t.npz", x=np.zeros((5, 8, 8), np.float32), labels=labels)
    pin = hashlib.sha256(MODEL).hexdigest()
    text = (
        f"name: m\nsource: {{format: keras, path: m.keras, sha256: {pin.upper()},"
        " inputs: {x: [1, null, 8]}}\npipeline: release\n"
        "verification: {data: {path: ./t.npz}, min_accuracy: 0.5}\n"
        "package: {include: [README.md]}\n"
        f"metadata: {RELEASABLE}\n"
    )
    check_files(load_config(write(text)))


def test_a_pin_that_does_not_hold_is_told(write: Write) -> None:
    """Another content than the pinned one is an error that says which content was found."""
    text = f"name: m\nsource: {{format: keras, path: m.keras, sha256: {'a' * 64}}}\n"
    (problem,) = _problems(write(text))
    found = hashlib.sha256(MODEL).hexdigest()
    said = f"2:48: source.sha256: the content of m.keras has the sha256 {found}"
    assert problem.startswith(said)


@pytest.mark.parametrize(
    ("format_", "path", "said"),
    [
        ("keras", ".", "expected a file"),
        ("saved_model", "m.keras", "expected a folder"),
        ("saved_model", "s", "no such folder"),
    ],
)
def test_a_file_is_no_folder(write: Write, format_: str, path: str, said: str) -> None:
    """A format of one file does not take a folder, and the reverse."""
    (problem,) = _problems(write(f"name: m\nsource: {{format: {format_}, path: {path}}}\n"))
    assert said in problem


@pytest.mark.parametrize(
    ("path", "said"),
    [("m.keras/x", "no such file"), ("x" * 300, "File name too long"), ("loop", "Too many levels")],
)
def test_a_path_that_cannot_be_looked_up_is_told(
    write: Write, tmp_path: Path, path: str, said: str
) -> None:
    """Whatever the system says against a path becomes a problem at its place."""
    (tmp_path / "loop").symlink_to("loop")
    (problem,) = _problems(write(f"name: m\nsource: {{format: keras, path: {path}}}\n"))
    assert problem.startswith("2:31: source.path: ")
    assert said in problem


def test_a_folder_has_the_digest_the_documentation_says(tmp_path: Path) -> None:
    """It is that of the sorted list sha256sum prints, and follows every name and byte."""
    folder = tmp_path / "saved"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "x").write_text("1")
    (folder / "b.txt").write_text("2")
    command = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    ran = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=True
    )
    first = digest(folder)
    assert ran.stdout.split()[0] == first
    (folder / "b" / "x").rename(folder / "b" / "y")
    assert digest(folder) != first


def _npy(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("arrays", "text", "said"),
    [
        ({"x": np.zeros((3, 2))}, LABELLED, "has no `labels`; it holds x"),
        ({"x": np.zeros((3, 2)), "labels": np.zeros(4)}, LABELLED, "labels 4, x 3"),
        ({"labels": np.zeros(4)}, LABELLED, "has labels, but no input"),
        ({"x": np.zeros((0, 2))}, DATA, "holds no samples"),
        ({"x": np.float32(1)}, DATA, "`x` is a single number"),
        ({"x": np.array([{}, []], dtype=object)}, DATA, "`x` holds objects or records"),
        ({"x": np.zeros(2, dtype=[("a", "f4")])}, DATA, "`x` holds objects or records"),
        (
            {"x": np.zeros((3, 2))},
            DATA.replace("m.keras", "m.keras, inputs: {x: [null, 4]}"),
            "`x` has the shape [3, 2]; source.inputs has [null, 4]",
        ),
        (
            {"y": np.zeros((3, 2))},
            DATA.replace("m.keras", "m.keras, inputs: {x: [null, 2]}"),
            "no array for the input `x`; it holds y",
        ),
    ],
)
def test_data_that_does_not_fit_is_told(
    write: Write, tmp_path: Path, arrays: dict[str, Array], text: str, said: str
) -> None:
    """Names, shapes and types of the arrays are checked, one problem for each thing wrong."""
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", _npy(array))
    (problem,) = _problems(write(text))
    assert problem.startswith("3:29: verification.data.path: ")
    assert said in problem


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


WHOLE = _zip(x=_npy(np.zeros((3, 2))))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an .npz file, or damaged"),
        (b"x,y\n1,2\n", "not an .npz file, or damaged"),
        (WHOLE[: len(WHOLE) // 2], "not an .npz file, or damaged"),
        (_npy(np.zeros(3)), "not an .npz file, or damaged"),
        (_zip(), "holds no arrays"),
        (_zip(x=b"text"), "`x` is not an array"),
        (_zip(x=_npy(np.zeros(3))[:20]), "not an .npz file, or damaged"),
        (_zip(x=b"\x93NUMPY\x01\x00\x04\x00(((("), "not an .npz file, or damaged"),
        (_zip(x=b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{}"), "a header of 2147483647 bytes"),
        (_zip(x=b"\x93NUMPY\x01\x00\x02\x00[]"), "not an .npz file, or damaged"),
    ],
)
def test_a_damaged_data_file_is_told(write: Write, tmp_path: Path, data: bytes, said: str) -> None:
    """No content of a data file gives anything but a problem at its place."""
    (tmp_path / "t.npz").write_bytes(data)
    (problem,) = _problems(write(DATA))
    assert problem.startswith("3:29: verification.data.path: ")
    assert said in problem


def test_a_gate_of_accuracy_needs_labels(write: Write) -> None:
    """A pipeline that judges accuracy does not take a config whose data is random."""
    text = f"{HEAD}pipeline: release\nmetadata: {RELEASABLE}\n"
    (problem,) = _problems(write(text))
    assert problem.startswith("3:11: pipeline: `release` has the gate max_accuracy_drop")


def test_a_link_does_not_lead_out_of_the_package(write: Write, tmp_path: Path) -> None:
    """An included file that is a link to a file outside the config's folder is refused."""
    (tmp_path / "notes.md").symlink_to("/etc/hostname")
    (problem,) = _problems(write(f"{HEAD}package: {{include: [notes.md]}}\n"))
    assert "a link that leaves the config's folder" in problem


def test_a_broken_pipeline_is_told_in_its_own_file(write: Write, tmp_path: Path) -> None:
    """Where the config is right and its pipeline's file is not, the error names that file."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "default.yaml").write_text("gate: {}\n")
    with pytest.raises(ConfigError, match=r"default\.yaml:1:1: gate: unknown key"):
        check_files(load_config(write(HEAD)))
