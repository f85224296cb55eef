"""Converters of installed packages: found by name, held to numbers, blamed by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.composites.call import CompositeCall, Refused
from rnnlite_pipeline.composites.record import Sample, composite, draws, write_samples
from rnnlite_pipeline.composites.registry import converter_of
from rnnlite_pipeline.errors import ModelFormatError, NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.plugins import plugins
from rnnlite_pipeline.resolve.check import distance
from rnnlite_pipeline.resolve.composites import Composite, resolve

NAME = "acme.Doubling"

#: What the package's module holds, by the name of its converter.
CODE = '''
"""A package of converters, some of them wrong."""
from rnnlite_pipeline.composites import Refused
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn

import numpy as np


def adds(call):
    """x + x, in graph ops."""
    return [call.build.binary("ADD", call.operands[0], call.operands[0])]


def squares(call):
    """Not what it says."""
    return [call.build.binary("MUL", call.operands[0], call.operands[0])]


def recurs(call):
    """A recurrence that doubles its input and forgets."""
    width = call.operands[0].shape[-1]
    cell = SimpleRnn(2.0 * np.eye(width), np.zeros((width, width)), np.zeros(width), "NONE")
    return Recurrence(call.layer, cell, time_major=False)


def fails(call):
    """Raises."""
    raise KeyError("kernel")


def refuses(call):
    """Says why not."""
    raise Refused("it has no projection")


def mistakes(call):
    """Returns what is no list of tensors."""
    return call.operands[0]
'''


def model() -> Model:
    """y = 2x of a [B, T, 3], as a call of an annotated function."""
    x, y = (Tensor(name, "FLOAT32", (-1, -1, 3)) for name in "xy")
    op = composite(Op("PartitionedCall", [x], [y], custom=True), 0, "layer", NAME, {"power": 1})
    main = Subgraph("main", [x], [y], [op])
    made = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    samples = [Sample(tuple(v), (2 * v[0],), (2 * v[0],)) for v in draws([x]) if v[0] is not None]
    write_samples(made, {0: samples})
    return made


class Install(Protocol):
    """Installs a package that registers one of `CODE`'s functions."""

    def __call__(self, function: str, package: str = "acme") -> None:
        """The package `package`, version 1.2."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package `acme` that registers one of `CODE`'s functions."""

    def install(function: str, package: str = "acme") -> None:
        site = tmp_path / package
        about = site / f"{package}-1.2.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        entry = f"[rnnlite.converters]\nacme.D* = {package}_module:{function}\n"
        (about / "entry_points.txt").write_text(entry)
        (site / f"{package}_module.py").write_text(CODE)
        monkeypatch.syspath_prepend(str(site))

    yield install
    sys.modules.pop("acme_module", None)


@pytest.mark.parametrize(("function", "recurrences"), [("adds", 0), ("recurs", 1)])
def test_converter_of_a_package_is_used(install: Install, function: str, recurrences: int) -> None:
    """Graph ops or a recurrence take the place of the call, and the package is named."""
    install(function)
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
    ],
)
def test_fault_of_a_converter_names_its_package(install: Install, function: str, said: str) -> None:
    """A converter that is wrong, raises, refuses, or is not there, is one clear error."""
    install(function)
    with pytest.raises(NotConvertible, match=said):
        resolve(model(), distance)


def test_two_packages_may_not_claim_one_name(install: Install) -> None:
    """Which of two packages converts a name must not depend on their order on the path."""
    install("adds")
    install("adds", package="other")
    with pytest.raises(NotConvertible, match=r"acme 1\.2 and other 1\.2 both convert"):
        converter_of(NAME)


def test_package_that_is_gone(install: Install) -> None:
    """A model imported with a package that is no longer there says which name it needs."""
    del install
    with pytest.raises(NotConvertible, match=f'no installed package converts "{NAME}"'):
        resolve(model(), distance)


@pytest.mark.parametrize("damage", ["samples", "options", "archive"])
def test_file_of_someone_else_is_damaged(damage: str) -> None:
    """A file with such an op that no import wrote is called damaged; nothing of it is run."""
    made = model()
    if damage == "samples":
        made.metadata.clear()
    elif damage == "archive":
        made.metadata["rnnlite.composites"] = b"no archive"
    else:
        made.main.ops[0].custom_options = b"{}"
    with pytest.raises(ModelFormatError, match="damaged"):
        resolve(made, distance)


def test_unused_result_may_be_none_and_a_used_one_not() -> None:
    """A result without a tensor is an error where something reads it."""
    made = model()

    def ignored(converted: Composite, samples: Sequence[Sample]) -> float:
        del converted, samples
        return 0.0

    made.main.ops[0] = composite(made.main.ops[0], 0, "layer", "lstm_x", {})
    made.main.ops[0].inputs = [made.main.inputs[0], *_states(), *_weights()]
    x, y = made.main.inputs[0], made.main.outputs[0]
    made.main.ops[0].outputs = [Tensor(n, "FLOAT32", x.shape) for n in "abcd"] + [y]
    with pytest.raises(NotConvertible, match='a result of "lstm_x" is used'):
        resolve(made, ignored)


def _states() -> list[Tensor]:
    return [Tensor(name, "FLOAT32", (-1, 2)) for name in ("h", "c")]


def _weights() -> list[Tensor]:
    shapes = {"kernel": (3, 8), "recurrent": (2, 8), "bias": (8,)}
    return [Tensor.constant(n, np.zeros(s, np.float32)) for n, s in shapes.items()]


def test_call_runs_what_fits_only() -> None:
    """A recurrence over a sequence of another width is refused before it is built."""
    x = Tensor("x", "FLOAT32", (-1, -1, 3))
    call = CompositeCall(NAME, "layer", {}, (x,), (x,), Builder("layer"))
    cell = SimpleRnn(np.zeros((2, 5)), np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(Refused, match="not a sequence of 5 features"):
        call.run(Recurrence("layer", cell), x)
