"""Ops on constants, computed by the runtime's own reference kernels."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlite_pipeline.graph.calls import called
from rnnlite_pipeline.graph.edit import has_side_effects
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

#: Ops whose results differ from call to call.
_RANDOM = ("RANDOM_", "MULTINOMIAL")

#: What an op computes from constants, by all that its result depends on.
Key = tuple[object, ...]


class Constants:
    """Computes ops whose operands are all constants; what was computed once is kept."""

    def __init__(self) -> None:
        self._known: dict[Key, list[bytes]] = {}
        self._shapes: dict[Key, list[tuple[int, ...]]] = {}

    def results(self, op: Op, inputs: Sequence[Tensor | None]) -> list[Tensor] | None:
        """The op's outputs as constants; None where they are not constant.

        Args:
            op: Any op.
            inputs: What it reads, in place of its own operands.
        """
        if not inputs or any(t is not None and t.data is None for t in inputs):
            return None
        if op.custom or called(op) or has_side_effects(op) or op.code.startswith(_RANDOM):
            return None
        key = _key(op, inputs)
        if key not in self._known:
            self._compute(key, op, inputs)
        return [
            Tensor(t.name, t.dtype, shape, data, t.quantization)
            for t, shape, data in zip(op.outputs, self._shapes[key], self._known[key], strict=True)
        ]

    def _compute(self, key: Key, op: Op, inputs: Sequence[Tensor | None]) -> None:
        outputs = [
            Tensor(f"output_{k}", t.dtype, t.shape, quantization=t.quantization)
            for k, t in enumerate(op.outputs)
        ]
        alone = Op(op.code, list(inputs), outputs, op.options, op.options_type, op.version)
        model = Model([Subgraph("main", [], outputs, [alone])])
        results = Runner(write_model(model), "reference").run({})
        arrays = [results[t.name] for t in outputs]
        self._known[key] = [array.tobytes() for array in arrays]
        self._shapes[key] = [array.shape for array in arrays]


def _key(op: Op, inputs: Sequence[Tensor | None]) -> Key:
    read = (
        None if t is None else (t.dtype, t.shape, t.quantization, t.data, repr(t.sparsity))
        for t in inputs
    )
    made = ((t.dtype, t.quantization) for t in op.outputs)
    options = sorted((name, repr(value)) for name, value in op.options.items())
    return (op.code, op.version, *options, *read, *made)
