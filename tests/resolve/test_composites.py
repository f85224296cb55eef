"""Calls of annotated functions become what their converters make of them, held to numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.composites.record import Sample, composite, draws, write_samples
from rnnlite_pipeline.errors import ModelFormatError, NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.plugins import plugins
from rnnlite_pipeline.resolve.check import distance
from rnnlite_pipeline.resolve.composites import resolve
from tests.composites.packages import NAME, install


def model() -> Model:
    """y = 2x of a [B, T, 3], as a call of an annotated function."""
    x, y = (Tensor(name, "FLOAT32", (-1, -1, 3)) for name in "xy")
    op = composite(Op("PartitionedCall", [x], [y], custom=True), 0, "layer", NAME, {"power": 1})
    main = Subgraph("main", [x], [y], [op])
    made = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    samples = [Sample(tuple(v), (2 * v[0],), (2 * v[0],)) for v in draws([x]) if v[0] is not None]
    write_samples(made, {0: samples})
    return made


Install = Callable[[str], None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package `acme` that registers one of the functions of `CODE`."""
    yield partial(install, tmp_path, monkeypatch)
    sys.modules.pop("acme_module", None)


@pytest.mark.parametrize(("function", "recurrences"), [("adds", 0), ("recurs", 1)])
def test_converter_of_a_package_is_used(
    installed: Install, function: str, recurrences: int
) -> None:
    """Graph ops or a recurrence take the place of the call, and the package is named."""
    installed(function)
    converted = model()
    (found,) = resolve(converted, distance)
    assert (found.package, found.name, found.layer) == ("acme 1.2", NAME, "layer")
    assert len(found.recurrences) == recurrences
    assert not any(op.custom for op in converted.ops() if op.code.startswith("rnnlite.COMP"))
    assert "rnnlite.composites" not in converted.metadata
    assert ("acme.D*", "acme 1.2") in {(p.pattern, p.package) for p in plugins()}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("squares", r'"acme.Doubling" computes something.*acme 1\.2\'s conversion.* differs by'),
        ("fails", r"in the package acme 1\.2 failed: KeyError: 'kernel'"),
        ("refuses", r"acme 1\.2 cannot convert .*: it has no projection\."),
        ("mistakes", r"did not return one tensor that it made for each of 1 results"),
        ("missing", r"in the package acme 1\.2 failed: AttributeError"),
        ("too_wide", r"acme 1\.2 cannot convert .*: its input is .*, not a sequence of 5 features"),
        ("operand", r"did not return one tensor that it made for each of 1 results"),
        ("too_many", r"did not return one tensor that it made for each of 1 results"),
    ],
)
def test_fault_of_a_converter_names_its_package(
    installed: Install, function: str, said: str
) -> None:
    """A converter that is wrong, raises, refuses, or is not there, is one clear error."""
    installed(function)
    with pytest.raises(NotConvertible, match=said):
        resolve(model(), distance)


def test_package_that_is_gone(installed: Install) -> None:
    """A model imported with a package that is no longer there says which name it needs."""
    del installed
    with pytest.raises(NotConvertible, match=f'no installed package converts "{NAME}"'):
        resolve(model(), distance)


@pytest.mark.parametrize("damage", ["samples", "options", "archive", "other call", "operands"])
def test_file_of_someone_else_is_damaged(damage: str, installed: Install) -> None:
    """A file with such an op that no import wrote is called damaged; nothing of it is run."""
    installed("fails")
    made, x = model(), np.ones((1, 1, 3), np.float32)
    if damage == "samples":
        made.metadata.clear()
    elif damage == "archive":
        made.metadata["rnnlite.composites"] = b"no archive"
    elif damage == "other call":
        write_samples(made, {1: [Sample((x,), (x,), (x,))]})
    elif damage == "operands":
        write_samples(made, {0: [Sample((x, x), (x,), (x,))]})
    else:
        made.main.ops[0].custom_options = b"{}"
    with pytest.raises(ModelFormatError, match="damaged"):
        resolve(made, distance)


def keras_call() -> Model:
    """A call of the Keras LSTM interface, of which only the last result is read."""
    x, y = Tensor("x", "FLOAT32", (-1, -1, 3)), Tensor("y", "FLOAT32", ())
    states = [Tensor(name, "FLOAT32", (-1, 2)) for name in "hc"]
    shapes = {"kernel": (3, 8), "recurrent": (2, 8), "bias": (8,)}
    weights = [Tensor.constant(n, np.zeros(s, np.float32)) for n, s in shapes.items()]
    results = [Tensor(n, "FLOAT32", (-1, 2)) for n in ("last", "all", "h_1", "c_1")]
    results[1].shape = (-1, -1, 2)
    op = Op("PartitionedCall", [x, *states, *weights], [*results, y], custom=True)
    op = composite(op, 0, "layer", "lstm_x", {})
    main = Subgraph("main", [x, *states], [y], [op])
    made = Model([main], [Signature("main", main, {"x": x}, {"y": y})])
    empty = np.zeros(0)
    write_samples(made, {0: [Sample((empty,) * 6, (empty,) * 5, (empty,) * 5)]})
    return made


def right(*_: Any) -> float:
    """A distance of 0, whatever was converted."""
    return 0.0


def test_unused_result_may_be_none_and_a_used_one_not() -> None:
    """A result without a tensor is an error where something reads it."""
    with pytest.raises(NotConvertible, match='a result of "lstm_x" is used'):
        resolve(keras_call(), right)
    made = keras_call()
    made.main.outputs = made.main.ops[0].outputs[:1]
    (found,) = resolve(made, right)
    assert found.results[4] is None


def test_zeros_are_no_initial_states() -> None:
    """A recurrence starts from None where zeros were given, and from what was given else."""
    made = keras_call()
    (op,) = made.main.ops
    made.main.outputs = op.outputs[:1]
    op.inputs[2] = Tensor.constant("zeros", np.zeros((1, 2), np.float32))
    resolve(made, right)
    (recurrence,) = [each for each in made.main.ops if each.code == RECURRENCE]
    assert recurrence.inputs[1] is made.main.inputs[1]
    assert recurrence.inputs[2] is None


def test_one_tensor_may_be_two_operands() -> None:
    """Each operand of the conversion becomes the tensor that was given there."""
    made = keras_call()
    (op,) = made.main.ops
    made.main.outputs = op.outputs[:1]
    op.inputs[2] = op.inputs[1]
    resolve(made, right)
    (recurrence,) = [each for each in made.main.ops if each.code == RECURRENCE]
    assert recurrence.inputs[1] is recurrence.inputs[2] is made.main.inputs[1]


def test_numbers_that_differ_convert_nothing() -> None:
    """The graph is as it was, and the error says by how much of the scale."""
    made = keras_call()
    made.main.outputs = made.main.ops[0].outputs[:1]
    ops = list(made.main.ops)
    with pytest.raises(NotConvertible, match=r"differs by 2\.5e-01 of its scale"):
        resolve(made, lambda *_: 0.25)
    assert made.main.ops == ops


def test_a_step_in_a_loop_is_written_out(installed: Install) -> None:
    """In another graph than the main one no recurrence is left: it is read with its loop."""
    installed("steps")
    made = model()
    body = made.main
    (op,) = body.ops
    x, y = (Tensor(name, "FLOAT32", (2, 3)) for name in ("row", "new"))
    op.inputs, op.outputs, body.inputs, body.outputs = [x], [y], [x], [y]
    main = Subgraph("main", [], [], [])
    made.subgraphs, made.signatures = [main, body], []
    (found,) = resolve(made, right)
    assert len(found.recurrences) == 1
    assert RECURRENCE not in {each.code for each in body.ops}
    assert body.outputs[0] in {t for each in body.ops for t in each.outputs}


def test_a_model_without_calls() -> None:
    """Nothing is changed, and samples without a call are left out."""
    made = model()
    made.main.ops = []
    assert resolve(made, distance) == []
    assert made.metadata == {}
