"""The main graph in integers, and its inputs and outputs of the types that the config asks for.

1. An input or output of another type takes the place and the name of the float one; open
   dimensions stay open.
2. States between calls are integers where asked for, of the type and scale that they have in the
   op they belong to, so that nothing is rounded between two calls: int16 for a loop's; of a fused
   LSTM the cell state is int16, and the output state is as the output. Others stay float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import Model, Quantization, Tensor
from rnnlite_pipeline.quantize import integer_lstm
from rnnlite_pipeline.quantize.integer import IntegerGraph
from rnnlite_pipeline.quantize.integer_choice import LSTM, Place
from rnnlite_pipeline.quantize.numbers import SCHEMES
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import Ranges
from rnnlite_pipeline.quantize.scales import Scales
from rnnlite_pipeline.quantize.skip import Skip


@dataclass(frozen=True)
class Interface:
    """The types of a model's inputs and outputs, as the config names them.

    Attributes:
        inputs: Of the inputs.
        outputs: Of the outputs.
        states: float32, or int16: states are integers (rule 2).
        kept: The inputs that hold states between calls, and the outputs they come from.
    """

    inputs: str = "float32"
    outputs: str = "float32"
    states: str = "float32"
    kept: Mapping[Tensor, Tensor] = field(default_factory=dict)


class IntegerModel(IntegerGraph):
    """Rewrites a model, in place.

    Args:
        model: The lowered float graph.
        scheme: "int8" or "int16x8".
        ranges: What was measured on the calibration data.
        skip: The layers to leave in float.
        interface: The types of the model's inputs and outputs.
    """

    def __init__(
        self, model: Model, scheme: str, ranges: Ranges, skip: Skip, interface: Interface
    ) -> None:
        scales = Scales(model, SCHEMES[scheme], ranges, interface.kept)
        super().__init__(model, scheme, ranges, skip, Place(model.main, scales, []))
        self._interface = interface

    def run(self) -> list[Outcome]:
        """Rewrites the main graph.

        Returns:
            What became of each op that computes with real values.
        """
        main, asked = self._graph, self._interface
        self._real.update(main.inputs)
        states = self._states() if asked.states != "float32" else {}
        for tensor in [t for t in main.inputs if t.dtype == "FLOAT32"]:
            if tensor in states:
                self._integer_input(tensor, *states[tensor])
            elif asked.inputs != "float32" and tensor not in asked.kept:
                self._integer_input(tensor, asked.inputs.upper(), self._quantization(tensor))
        for op in main.ops:
            self._op(op)
        for tensor in [t for t in main.outputs if t.dtype == "FLOAT32"]:
            if tensor in states:
                made = self._fitted(tensor, *states[tensor])
                self._integer_output(tensor, made.dtype, made)
            elif asked.outputs == "float32" or tensor in asked.kept.values():
                self._as_real(tensor)
            else:
                self._integer_output(tensor, asked.outputs.upper(), self._as_int(tensor))
        main.ops = self._ops
        prune(self._model)
        return self._found

    def _states(self) -> dict[Tensor, tuple[str, Quantization]]:
        """The type and the scale of each state between calls that integers hold, both its ends."""
        kept = self._interface.kept
        found: dict[Tensor, tuple[str, Quantization]] = {}
        for ends in kept.items():
            if self._scales.is_state(ends[0]):
                found |= {end: ("INT16", self._scales.of(end)) for end in ends}
        for op in self._graph.ops:
            if op.code == LSTM and not self._why_float(op):
                y = self._quantization(op.outputs[0])
                cell = integer_lstm.cell_scale(self._ranges.cells[op])
                kinds = ((self._numbers.activation, y), ("INT16", cell))
                for state, kind in zip(op.inputs[18:20], kinds, strict=True):
                    source = integer_lstm.given(state, self._writers) if state is not None else None
                    if source is not None and source in kept:
                        found |= {source: kind, kept[source]: kind}
        return found

    def _integer_input(self, tensor: Tensor, dtype: str, inside: Quantization) -> None:
        fed = Tensor(tensor.name, dtype, tensor.shape, quantization=_shifted(inside, dtype))
        tensor.name += "/real"
        _swap(self._model, "inputs", tensor, fed)
        self._real.discard(tensor)
        same = dtype != "UINT8"
        made = self._integers_of(tensor, self._numbers.activation, inside)
        self._ints[tensor] = fed if same else self._convert("QUANTIZE", fed, made)

    def _integer_output(self, tensor: Tensor, dtype: str, made: Tensor) -> None:
        assert made.quantization is not None
        name = tensor.name
        tensor.name += "/real"
        if dtype != made.dtype:
            scale = _shifted(made.quantization, dtype)
            last = Tensor(name, dtype, tensor.shape, quantization=scale)
            made = self._convert("QUANTIZE", made, last)
        made.name = name
        _swap(self._model, "outputs", tensor, made)


def _shifted(inside: Quantization, dtype: str) -> Quantization:
    """The same numbers as uint8: the zero point 128 higher."""
    if dtype != "UINT8":
        return inside
    return replace(inside, zero_point=(inside.zero_point[0] + 128,))


def _swap(model: Model, side: str, old: Tensor, new: Tensor) -> None:
    """Puts a tensor in another's place in the interface."""
    ports: list[Tensor] = getattr(model.main, side)
    ports[:] = [new if t is old else t for t in ports]
    for signature in model.signatures:
        if signature.subgraph is model.main:
            named: dict[str, Tensor] = getattr(signature, side)
            named.update({name: new for name, t in named.items() if t is old})
