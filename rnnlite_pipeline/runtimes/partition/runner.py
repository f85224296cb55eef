"""Runs a model in parts: one interpreter a part, kept between calls, and TensorFlow in between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.graph.variables import RESET
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.partition import tensorflow_ops
from rnnlite_pipeline.runtimes.partition.cut import Part, as_model, cut, has_foreign_ops
from rnnlite_pipeline.runtimes.partition.piece import Array, Piece, piece
from rnnlite_pipeline.runtimes.partition.stand_in import stand_in

#: The values of a call, by tensor.
Values = dict[Tensor, Array]

#: Something that computes values from values.
Step = Callable[[Values], None]


def open_runner(
    model: Model, kernels: Kernels = "default", *, content: bytes = b"", stand_ins: bool = False
) -> Runner | PartitionedRunner:
    """A model on LiteRT; in parts where it holds ops that LiteRT lacks.

    Args:
        model: The model.
        kernels: Which kernels run what LiteRT has.
        content: The file that the model was read from, if it was.
        stand_ins: Whether an op that TensorFlow lacks as well is run as another function, which
            serves to compare two models that hold it.

    Raises:
        StageError: Neither LiteRT nor TensorFlow can run the model.
    """
    if has_foreign_ops(model):
        return PartitionedRunner(model, kernels, stand_ins=stand_ins)
    return Runner(content or write_model(model), kernels)


class PartitionedRunner:
    """A model in parts, to be used as a `Runner`.

    Attributes:
        kernels: The kernels that run what LiteRT has.
        note: Why these are others than were asked for; empty if they are not.
        on_tensorflow: The ops that TensorFlow runs, as the file names them.
        stood_in: The ops that nobody here can run, each with the reason.
    """

    def __init__(self, model: Model, kernels: Kernels, *, stand_ins: bool = False) -> None:
        self._model, self.kernels, self.note = model, kernels, ""
        self.on_tensorflow: tuple[str, ...] = ()
        self.stood_in: dict[str, str] = {}
        self._stand_ins = stand_ins
        self._resets: list[Runner] = []
        self._inputs, self._outputs = dict(ports(model, "inputs")), dict(ports(model, "outputs"))
        self._steps = [step for part in cut(model) for step in self._made(part)]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the model once, as `Runner.run`.

        Raises:
            StageError: A part fails.
        """
        if inputs.keys() != self._inputs.keys():
            raise StageError(
                f"The model's inputs are {sorted(self._inputs)}; it was given {sorted(inputs)}."
            )
        values: Values = {tensor: inputs[name] for name, tensor in self._inputs.items()}
        for step in self._steps:
            step(values)
        return {name: self._value(tensor, values) for name, tensor in self._outputs.items()}

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values."""
        for runner in self._resets:
            runner.reset()

    def _value(self, tensor: Tensor, values: Values) -> Array:
        constant = tensor.array
        return values[tensor].copy() if constant is None else constant.copy()

    def _made(self, part: Part) -> Iterator[Step]:
        """What runs a part."""
        if not part.foreign:
            yield self._on_litert(part)
            return
        wanted = set(part.outputs)
        refusals = tensorflow_ops.why_not(piece(part.ops, (), ()).ops)
        reasons = dict(zip(part.ops, refusals, strict=True))
        for known, group in itertools.groupby(part.ops, lambda op: not reasons[op]):
            ops = list(group)
            if known:
                yield self._on_tensorflow(ops, wanted, part)
            else:
                yield from (self._stood_in(op, reasons[op]) for op in ops)

    def _on_litert(self, part: Part) -> Step:
        names = {t: f"value_{k}" for k, t in enumerate((*part.inputs, *part.outputs))}
        model = as_model(self._model, part, names)
        runner = Runner(write_model(model), self.kernels)
        if runner.note:
            self.kernels, self.note = runner.kernels, runner.note
        if any(signature.key == RESET for signature in model.signatures):
            self._resets.append(runner)

        def step(values: Values) -> None:
            results = runner.run({names[t]: values[t] for t in part.inputs})
            values.update({t: results[names[t]] for t in part.outputs})

        return step

    def _on_tensorflow(self, ops: Sequence[Op], wanted: set[Tensor], part: Part) -> Step:
        self.on_tensorflow = tuple(sorted({*self.on_tensorflow, *(op.code for op in ops)}))
        own = {t for op in ops for t in op.outputs}
        elsewhere = {t for op in part.ops if op not in ops for t in op.inputs}
        read = dict.fromkeys(t for op in ops for t in op.inputs if t is not None)
        inputs = [t for t in read if t not in own and t.data is None]
        outputs = [t for op in ops for t in op.outputs if t in wanted or t in elsewhere]
        _check_numbers([*inputs, *outputs], ops)
        made: Piece = piece(ops, inputs, outputs)

        def step(values: Values) -> None:
            results = tensorflow_ops.run(made, [values[t] for t in inputs])
            values.update(zip(outputs, results, strict=True))

        return step

    def _stood_in(self, op: Op, reason: str) -> Step:
        if not self._stand_ins:
            raise StageError(
                f"{op.code} ({op.outputs[0].name}) cannot be run here: {reason}.",
                "Expected an op of TensorFlow with all of its attributes. Replace it in the model,"
                " or convert the model without it and run it beside.",
            )
        self.stood_in[op.code] = reason

        def step(values: Values) -> None:
            read = [t for t in op.inputs if t is not None]
            operands = [values[t] if t.data is None else _stored(t) for t in read]
            values.update(zip(op.outputs, stand_in(op, operands), strict=True))

        return step


def _stored(constant: Tensor) -> Array:
    """A constant's numbers; of texts and the like its bytes, which differ where the texts do."""
    numbers = constant.array
    return np.frombuffer(constant.data or b"", np.uint8) if numbers is None else numbers


def _check_numbers(tensors: Sequence[Tensor], ops: Sequence[Op]) -> None:
    for tensor in tensors:
        if tensor.dtype in ("STRING", "RESOURCE", "VARIANT"):
            raise StageError(
                f"{tensor.name} is a {tensor.dtype} that passes between LiteRT and "
                f"{', '.join(sorted({op.code for op in ops}))}, which cannot be run here.",
                "Move what makes it, or what reads it, out of the model.",
            )
