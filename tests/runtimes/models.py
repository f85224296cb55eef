"""Lowered models of one recurrence, as the tests of runtimes need them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.lower.choice import Form
from rnnlite_pipeline.quantize.integer_model import Interface
from tests.lower.cases import Case, random_lstm
from tests.lower.loop_cases import gru
from tests.quantize.test_loops import integers, model_of

#: F features, U units, T steps.
FEATURES, UNITS, STEPS = 6, 24, 5


def an_lstm(**attributes: Any) -> Cell:
    """An LSTM cell of the sizes above."""
    return random_lstm(np.random.default_rng(3), FEATURES, UNITS, **attributes)


def a_gru() -> Cell:
    """A GRU cell of the sizes above."""
    return gru(np.random.default_rng(3), FEATURES, UNITS)


def lowered(cell: Cell, form: Form, *, micro: bool = False, **case: Any) -> Model:
    """One layer: x [1, T, F] to y0 [1, T, U], closed where `case` does not open it."""
    sizes: dict[str, Any] = {
        "open_batch": False,
        "open_steps": False,
        "batch": 1,
        "steps": STEPS,
        "time_major": False,
        "outputs": "y",
    }
    return model_of(Case((cell,), **(sizes | case)), form, micro=micro)


def in_integers(model: Model, scheme: str = "int8", interface: str = "float32") -> Model:
    """The same by a scheme, with inputs and outputs of a type."""
    ports = Interface(interface, interface)
    made, _ = integers(model, scheme, steps=STEPS, batch=1, interface=ports)
    assert isinstance(made, Model)
    return made


def dense(*, rows: int = OPEN) -> Model:
    """FULLY_CONNECTED and TANH over x [rows, 4], which the default delegate takes as a whole."""
    x, y, z = (Tensor(n, "FLOAT32", (rows, width)) for n, width in (("x", 4), ("y", 6), ("z", 6)))
    kernel = Tensor.constant("kernel", np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4))
    bias = Tensor.constant("bias", np.ones(6, np.float32))
    ops = [make_op("FULLY_CONNECTED", [x, kernel, bias], [y]), make_op("TANH", [y], [z])]
    main = Subgraph("main", [x], [z], ops)
    return Model([main], [Signature("main", main, {"x": x}, {"z": z})])


def sample(model: Model, seed: int, sizes: tuple[int, ...] = ()) -> dict[str, NDArray[Any]]:
    """Random inputs; the open dimensions of each input get `sizes`, in order."""
    rng = np.random.default_rng(seed)
    made: dict[str, NDArray[Any]] = {}
    for tensor in model.main.inputs:
        given = iter(sizes)
        shape = [next(given) if size == OPEN else size for size in tensor.shape or ()]
        values = rng.normal(size=shape)
        dtype = NUMPY[tensor.dtype]
        made[tensor.name] = (values if dtype.kind == "f" else values * 40).astype(dtype)
    return made


def counter() -> Model:
    """s = x + what the call before gave, kept in a resource variable; a signature `reset`."""
    x, y, s = (Tensor(name, "FLOAT32", (1, 4)) for name in "xys")
    first, last = _assigned("first"), _assigned("again")
    once = make_op("CALL_ONCE", [], [])
    once.options["init_subgraph"] = first
    kept = Tensor("kept", "RESOURCE", ())
    ops = [
        once,
        make_op("VAR_HANDLE", [], [kept], container="", shared_name="count"),
        make_op("READ_VARIABLE", [kept], [y]),
        make_op("ADD", [x, y], [s]),
        make_op("ASSIGN_VARIABLE", [kept, s], []),
    ]
    main = Subgraph("main", [x], [s], ops)
    signatures = [Signature("main", main, {"x": x}, {"s": s}), Signature("reset", last, {}, {})]
    return Model([main, last, first], signatures)


def _assigned(name: str) -> Subgraph:
    """A graph that makes the counter zero."""
    kept = Tensor(f"{name}/kept", "RESOURCE", ())
    zero = Tensor.constant(f"{name}/zero", np.zeros((1, 4), np.float32))
    handle = make_op("VAR_HANDLE", [], [kept], container="", shared_name="count")
    return Subgraph(name, [], [], [handle, make_op("ASSIGN_VARIABLE", [kept, zero], [])])
