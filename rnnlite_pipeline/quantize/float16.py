"""`float16`: weights stored in half, computed with in float32.

1. Every float32 constant of `FEWEST` elements or more, of whatever op, in loop bodies as well:
   the kernels read what a DEQUANTIZE or a CAST makes of it (stored.py).
2. A constant with a value that float16 cannot hold stays, with the reason.
"""

from __future__ import annotations

from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.quantize.kernels import is_weight, weights
from rnnlite_pipeline.quantize.outcome import Outcome, outcome
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from rnnlite_pipeline.quantize.stored import decode, moves
from rnnlite_pipeline.quantize.weights import to_float16

#: The op that decodes a constant takes about 100 bytes of the file; fewer elements save less.
FEWEST = 48


def float16(model: Model, skip: Skip) -> list[Outcome]:
    """Stores weights in float16, in place.

    Returns:
        One outcome for each op with float weights.
    """
    halves: dict[Tensor, Tensor | None] = {}
    found = [o for s in model.subgraphs for o in _Writer(model, s, halves).run(skip)]
    prune(model)
    return found


class _Writer:
    """One subgraph: each constant is decoded once in it, before its first use."""

    def __init__(
        self, model: Model, subgraph: Subgraph, halves: dict[Tensor, Tensor | None]
    ) -> None:
        self._model, self._subgraph, self._halves = model, subgraph, halves
        self._moving = moves(subgraph)
        self._real: dict[Tensor, Tensor] = {}
        self._decoding: list[Op] = []

    def run(self, skip: Skip) -> list[Outcome]:
        found = []
        for op in self._subgraph.ops:
            if weights(op):
                skipped = skip.has(op)
                became = ("float32", SKIPPED) if skipped else self._store(op)
                found.append(outcome(op, self._model.main, self._subgraph, *became))
        self._subgraph.ops = self._decoding + self._subgraph.ops
        return found

    def _store(self, op: Op) -> tuple[str, str]:
        """Lets the op read halves; what it became, and why some weights are not."""
        large = [t for t in weights(op) if len(t.data or b"") // 4 >= FEWEST]
        if not large:
            return "float32", f"no constant of {FEWEST} elements or more"
        kept = [t for t in large if self._half(t) is None]
        op.inputs = [self._decoded(t) if t in large else t for t in op.inputs]
        if len(kept) == len(large):
            return "float32", "its weights are beyond what float16 holds"
        names = ", ".join(t.name for t in kept)
        return "float16 weights", f"but {names}, beyond what float16 holds" if kept else ""

    def _half(self, tensor: Tensor) -> Tensor | None:
        if tensor not in self._halves:
            self._halves[tensor] = to_float16(tensor)
        return self._halves[tensor]

    def _decoded(self, tensor: Tensor | None) -> Tensor | None:
        assert tensor is not None and is_weight(tensor)  # noqa: PT018
        half = self._half(tensor)
        if half is None:
            return tensor
        if tensor not in self._real:
            ops, self._real[tensor] = decode(half, self._moving)
            self._decoding += ops
        return self._real[tensor]
