"""What `validate` checks of verification and calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, data
from rnnlite_pipeline.config.data import wrong_arrays
from rnnlite_pipeline.config.declared import Declared
from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Tensor

VERIFICATION: Loc = ("verification", "data", "path")
CALIBRATION: Loc = ("quantization", "calibration", "path")

X = np.zeros((4, 7, 3), np.float32)


def config(**source: Any) -> Config:
    """A config of a Keras file."""
    told = {"format": "keras", "path": "m.keras", **source}
    return Config.model_validate({"name": "m", "source": told})


def model(
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    *,
    imported: bool = False,
) -> Declared:
    """An interface of float32 tensors, by their shapes; another dtype as (shape, dtype)."""

    def side(named: Mapping[str, Any]) -> dict[str, Tensor]:
        return {
            name: Tensor(*told) if told and isinstance(told[-1], str) else Tensor(told, "float32")
            for name, told in named.items()
        }

    given = {"x": (None, None, 3)} if inputs is None else inputs
    return Declared(side(given), side(outputs or {}), said_by="the test", imported=imported)


def wrong(
    folder: Path,
    arrays: Mapping[str, Any],
    known: Declared | None = None,
    *,
    loc: Loc = VERIFICATION,
    told: Config | None = None,
    classes: Mapping[str, int] | None = None,
    labels: bool = False,
) -> list[str]:
    """What is wrong with a file of these arrays."""
    path = folder / "t.npz"
    np.savez(path, allow_pickle=True, **arrays)
    found = list(wrong_arrays(told or config(), loc, path, known, classes or {}, labels=labels))
    assert {place for place, _ in found} <= {loc}
    assert all(message.startswith(f"{path}: ") for _, message in found)
    return [message.removeprefix(f"{path}: ") for _, message in found]


@pytest.mark.parametrize(
    ("arrays", "known", "said"),
    [
        ({"x": X, "labels": np.zeros(3)}, None, "different numbers of samples: labels 3, x 4"),
        ({"x": X[:0]}, None, "holds no samples"),
        ({"x": np.float32(1)}, None, "`x` is a single number; the first axis is that of the"),
        ({"labels": np.zeros(3)}, None, "has labels, but no input"),
        ({"y": X}, model(), "no array for the input `x` (the test); the file has y"),
        ({"x": X[..., :2]}, model(), "the shape [4, 7, 2]; expected [N, any, 3] (the test)"),
        ({"x": X[0]}, model(), "the shape [7, 3]; expected [N, any, 3]"),
        ({"x": X.astype(np.float64)}, model(), "is float64, and the input float32; store it with"),
        ({"x": X.astype(">f4")}, model(), "is big-endian float32, and the input float32; store"),
        ({"x": X.astype(np.complex64)}, model(), "is complex64, and the input float32"),
        ({"x": np.array(["a"])}, model({"x": ((None,), "int32")}), "is <U1, and the input int32"),
        ({"x": X, "z": X}, model(), "an array `z`, which is no input; the inputs are x"),
        (
            {"x": X, "labels_z": np.zeros(4)},
            model(None, {"y": (None, 2)}, imported=True),
            "`labels_z` belongs to no output; the outputs are y",
        ),
    ],
)
def test_arrays_are_those_of_the_inputs(
    tmp_path: Path, arrays: dict[str, Any], known: Declared | None, said: str
) -> None:
    """Names, dtypes with their byte order, shapes and numbers of samples, each with its remedy."""
    assert any(said in each for each in wrong(tmp_path, arrays, known))


@pytest.mark.parametrize(
    ("arrays", "known"),
    [
        ({"x": X}, None),
        ({"x": X}, model()),
        ({"x": X}, model({"x": (1, 7, 3)})),
        ({"x": X}, model({"x": None})),
        ({"x": X}, model({"x": (2, 7, 3)})),
        ({"x": X, "labels": np.zeros(4, np.int32)}, model()),
        ({"x": X, "labels_y": np.zeros(4, np.int32)}, model()),
        ({"x": X, "labels_y": np.zeros(4, np.int8)}, model(None, {"y": (None, 2)}, imported=True)),
        ({"x": X.astype(np.complex64)}, model({"x": ((None, 7, 3), "complex64")})),
        ({"x": np.zeros((4, 7), np.uint8)}, model({"x": ((None, None), "uint8")})),
        ({"x": np.zeros((4, 7), bool)}, model({"x": ((None, None), "bool")})),
    ],
)
def test_arrays_that_fit_are_no_problem(
    tmp_path: Path, arrays: dict[str, Any], known: Declared | None
) -> None:
    """A fixed batch says nothing of the number of samples; nor does an open rank."""
    assert wrong(tmp_path, arrays, known) == []


def test_inputs_of_several_fixed_batches_are_taken_whole(tmp_path: Path) -> None:
    """Such a model has no batch axis, so the first axis of its data is no part of its shapes."""
    known = model({"x": (7, 3), "s": (2, 3)})
    arrays = {"x": X, "s": np.zeros((4, 2, 3), np.float32)}
    assert wrong(tmp_path, arrays, known) == []


def test_the_second_axis_of_a_model_may_be_its_batch(tmp_path: Path) -> None:
    """[time, batch, ...], but for a Keras model, of which its file says the batch."""
    known = model({"x": (None, 5, 3)})
    source = {"format": "saved_model", "path": "m"}
    other = Config.model_validate({"name": "m", "source": source})
    assert wrong(tmp_path, {"x": X}, known, told=other) == []
    assert len(wrong(tmp_path, {"x": X}, known)) == 1


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X}, []),
        ({"x": X[:, :, :2]}, ["`x` has the shape [4, 7, 2]; source.inputs has [null, 7, 3]"]),
        ({"y": X}, ["no array for the input `x`; it holds y"]),
    ],
)
def test_pins_say_the_inputs_of_a_model_that_is_not_known(
    tmp_path: Path, arrays: dict[str, Any], said: list[str]
) -> None:
    """Arrays of other names are not judged then."""
    told = config(inputs={"x": (None, 7, 3)})
    assert wrong(tmp_path, arrays, told=told) == said


@pytest.mark.parametrize(
    ("arrays", "missing"),
    [
        ({"x": X}, True),
        ({"x": X, "labels": np.zeros(4)}, False),
        ({"x": X, "labels_second": np.zeros(4)}, False),
    ],
)
def test_an_accuracy_needs_labels_of_some_output(
    tmp_path: Path, arrays: dict[str, Any], missing: bool
) -> None:
    """Of the first one, or of any other by its name."""
    known = model(None, {"first": (None, 2), "second": (None, 2)}, imported=True)
    found = wrong(tmp_path, arrays, known, labels=True)
    assert [each for each in found if "has no `labels`" in each] == found
    assert bool(found) == missing


def test_calibration_data_may_hold_more(tmp_path: Path) -> None:
    """It can be the file of the verification, or one with other arrays as well."""
    assert wrong(tmp_path, {"x": X, "z": X}, model(), loc=CALIBRATION) == []


NAN, INFINITE = X.copy(), X.copy()
NAN[2, 1, 0], INFINITE[3, 6, 2] = np.nan, -np.inf


@pytest.mark.parametrize(("array", "row"), [(NAN, 2), (INFINITE, 3), (np.asfortranarray(NAN), 2)])
@pytest.mark.parametrize("loc", [VERIFICATION, CALIBRATION])
def test_inputs_are_finite(tmp_path: Path, array: Any, row: int, loc: Loc) -> None:
    """The first sample that is not is named."""
    for known in (None, model()):
        (said,) = wrong(tmp_path, {"x": array}, known, loc=loc)
        assert said.startswith(f"`x`, row {row} (counted from 0): a value is NaN or infinite")


def test_what_is_no_input_may_be_anything(tmp_path: Path) -> None:
    """Labels of a calibration file are not read."""
    nan = np.array([0, np.nan, 0, 0])
    assert wrong(tmp_path, {"x": X, "labels": nan}, model(), loc=CALIBRATION) == []
    assert wrong(tmp_path, {"x": X, "z": nan}, model(), loc=CALIBRATION) == []


FLOATS = model(None, {"y": (None, 3), "z": (None, 1)}, imported=True)
SEQUENCES = model(None, {"y": (None, None, 3)}, imported=True)
INTEGERS = model(None, {"y": ((None,), "int64")}, imported=True)


@pytest.mark.parametrize(
    ("labels", "known", "said"),
    [
        ([0, 1, 2, 0], FLOATS, None),
        ([0, 3, 2, 0], FLOATS, ("row 1 (counted from 0): the label is 3; expected a whole number"
         " from 0 to 2")),
        ([0, 1, -1, 0], None, ("row 2 (counted from 0): the label is -1; expected a whole number"
         " from 0")),
        ([0, 0.5, 1, 0], None, "row 1 (counted from 0): the label is 0.5"),
        ([0, 1, np.nan, 0], None, "row 2 (counted from 0): the label is nan"),
        ([0, 1, 2, np.inf], INTEGERS, "row 3 (counted from 0): the label is inf"),
        ([0, 9, 2, 0], INTEGERS, None),
        (np.eye(3)[[0, 1, 2, 0]], FLOATS, None),
        (np.full((4, 3), 0.25), FLOATS, None),
        (-np.eye(3)[[0, 1, 2, 0]], FLOATS, "the label is -1; expected values of at least 0"),
        (np.full((4, 7), 2), SEQUENCES, None),
        (np.full((4, 7), 3), SEQUENCES, "row 0 (counted from 0): the label is 3"),
        ([True, False, True, True], None, None),
        ([0, 2, 1, 0], model(None, {"y": (None,)}, imported=True), ("expected a whole number from 0"
         " to 1")),
    ],
)  # fmt: skip
def test_labels_are_classes(
    tmp_path: Path, labels: Any, known: Declared | None, said: str | None
) -> None:
    """Whole numbers below the number of classes, or rows of them; the first wrong one is told."""
    found = wrong(tmp_path, {"x": X, "labels": np.asarray(labels)}, known)
    assert len(found) == (said is not None)
    assert all(each.startswith("`labels`, row ") and str(said) in each for each in found)


def test_labels_of_an_output_by_name(tmp_path: Path) -> None:
    """An output of one float has two classes."""
    arrays = {"x": X, "labels_z": np.array([0, 1, 2, 0])}
    (said,) = wrong(tmp_path, arrays, FLOATS)
    assert "`labels_z`, row 2 (counted from 0): the label is 2; expected a whole number" in said


@pytest.mark.parametrize(("output", "name"), [("", "labels"), ("y", "labels_y")])
def test_the_labels_file_says_the_number_of_classes(tmp_path: Path, output: str, name: str) -> None:
    """Where the output itself is not known."""
    arrays = {"x": X, name: np.array([0, 1, 2, 0])}
    assert wrong(tmp_path, arrays, classes={output: 3}) == []
    (said,) = wrong(tmp_path, arrays, classes={output: 2})
    assert "expected a whole number from 0 to 1" in said


def test_large_files_are_read_by_the_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`validate` stays quick: of a file above the bound only the headers are read."""
    monkeypatch.setattr(data, "MAX_BYTES", NAN.nbytes)
    assert len(wrong(tmp_path, {"x": NAN}, model())) == 1
    monkeypatch.setattr(data, "MAX_BYTES", NAN.nbytes - 1)
    assert wrong(tmp_path, {"x": NAN}, model()) == []
    assert len(wrong(tmp_path, {"x": NAN[..., :2]}, model())) == 1


def test_a_damaged_file_is_one_problem(tmp_path: Path) -> None:
    """Objects need pickle, which runs code; so do damaged bytes that only reading shows."""
    (said,) = wrong(tmp_path, {"x": np.array([None, 1], object)}, model())
    assert "holds objects or records" in said
    path = tmp_path / "t.npz"
    np.savez(path, x=np.ones((4, 7000), np.float32))
    content = bytearray(path.read_bytes())
    content[50_000] ^= 1
    path.write_bytes(content)
    ((_, said),) = wrong_arrays(config(), VERIFICATION, path, None, {})
    assert "damaged in `x`" in said
