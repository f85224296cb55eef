"""How many multiply-adds a model makes for one batch entry, and the weights it reads for them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import CONVOLUTIONS, PRODUCTS, RECURRENT

#: An op's multiply-adds: a number, and how often it is run for each step of an open length.
Count = tuple[int, bool]


def multiply_adds(model: Model) -> dict[str, int]:
    """Counts the products of matrices, convolutions and recurrences, for a batch of one.

    Returns:
        "fixed": those of every call; "per_step": those of each step of an open length, and of
        each turn of a loop whose number of turns is not in the graph.
    """
    fixed, per_step = _of(model.main, in_loop=False)
    return {"fixed": fixed, "per_step": per_step}


def of_op(op: Op, in_loop: bool = False) -> tuple[int, int]:
    """The multiply-adds of one op, a loop's body included: of every call, and of each step."""
    if op.code == "WHILE":
        return 0, sum(_of(op.options["body_subgraph"], in_loop=True))
    count, is_open = _COUNTS.get(op.code, _none)(op)
    return (0, count) if is_open or in_loop else (count, 0)


def weight_bytes(op: Op) -> int:
    """The bytes of the constants that one op reads, those inside a loop or a branch included."""
    own = sum(len(t.data) for t in {*op.inputs} if t is not None and t.data is not None)
    return own + sum(weight_bytes(inner) for graph in called(op) for inner in graph.ops)


def _of(subgraph: Subgraph, in_loop: bool) -> tuple[int, int]:
    counts = [of_op(op, in_loop) for op in subgraph.ops]
    return sum(fixed for fixed, _ in counts), sum(per_step for _, per_step in counts)


def _none(_op: Op) -> Count:
    return 0, False


def _rows(tensor: Tensor, axes: int) -> Count:
    """The positions of a tensor's leading axes for a batch of one, and whether one is open.

    The batch is open in every model, so a second open axis is a length.
    """
    leading = (tensor.shape or ())[:axes]
    return prod(d for d in leading if d != OPEN), leading.count(OPEN) > 1


def _weights(op: Op) -> int:
    """The elements of every constant matrix among the inputs."""
    shapes = [t.shape for t in op.inputs if t is not None and t.data is not None and t.shape]
    return sum(prod(s) for s in shapes if len(s) == 2)


def _product(op: Op) -> Count:
    out = op.outputs[0]
    rows, is_open = _rows(out, len(out.shape or ()) - 1)
    return rows * _weights(op), is_open


def _convolution(op: Op) -> Count:
    out, kernel = op.outputs[0], op.inputs[1]
    positions, is_open = _rows(out, len(out.shape or ()) - 1)
    return positions * prod((kernel.shape if kernel else None) or ()), is_open


def _recurrence(op: Op) -> Count:
    x = op.inputs[0]
    shape = (x.shape if x else None) or ()
    time = shape[0 if op.options["time_major"] else 1]
    return (1 if time == OPEN else time) * _weights(op), time == OPEN


_COUNTS: dict[str, Callable[[Op], Count]] = {
    **dict.fromkeys(PRODUCTS, _product),
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(RECURRENT, _recurrence),
}
