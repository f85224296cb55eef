"""A case as rnnlite writes it in each form, and as TensorFlow's converter does."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Literal
from unittest import mock

import numpy as np

from benchmarks.peers.cases import AnyCell, Case, Stack
from rnnlite_pipeline.cells.cell import Array
from rnnlite_pipeline.cells.gru import Gru
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE, Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import choice, lower
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.quantize.dynamic_range import dynamic_range
from rnnlite_pipeline.quantize.skip import Skip

#: A form of every layer. "joined" and "apart": loops, both directions in one, or each in its own.
Asked = Literal["auto", "fused", "loop", "joined", "apart", "unrolled"]


def lowered(
    case: Case, stack: Stack, form: Asked, *, int8: bool = False, open_steps: bool = False
) -> bytes:
    """The case in one form, as a file.

    Args:
        case: The model.
        stack: Its cells.
        form: Of every layer.
        int8: Whether weights are quantized, each channel by itself.
        open_steps: Whether T is open.
    """
    model = pseudo(case, stack, open_steps=open_steps)
    size = 1 if int8 else 4
    if form == "joined" or form == "apart":  # noqa: PLR1714  # mypy narrows this one
        with mock.patch.object(choice, "joins", return_value=form == "joined"):
            lower(model, "loop", weight_bytes=size)
    else:
        lower(model, form, weight_bytes=size)
    return _finished(model, int8=int8, every=form == "unrolled")


def chosen(case: Case, stack: Stack, *, int8: bool = False) -> tuple[tuple[str, ...], bytes]:
    """What `fastest` takes here: the form of each layer, and the file.

    Args:
        case: The model.
        stack: Its cells.
        int8: Whether weights are quantized: the forms are measured so.
    """

    def finish(model: Model, _scopes: Mapping[str, str]) -> None:
        if int8:
            dynamic_range(model, Skip())

    model = pseudo(case, stack)
    layers = lower(model, "fastest", weight_bytes=1 if int8 else 4, finish=finish)
    unrolled = [each.name for each in layers if each.form == "unrolled"]
    content = _finished(model, int8=int8, every=False, layers=unrolled)
    return tuple(each.form for each in layers), content


def _finished(model: Model, *, int8: bool, every: bool, layers: Sequence[str] = ()) -> bytes:
    if int8:
        dynamic_range(model, Skip())
    unroll(model, every=every, packs=True, layers=layers)
    return write_model(model)


def pseudo(case: Case, stack: Stack, *, open_steps: bool = False, batch: int = OPEN) -> Model:
    """The case before it is lowered, batch-major as Keras has it, its batch open or of a size."""
    steps = OPEN if open_steps else case.steps
    x = Tensor("x", "FLOAT32", (batch, steps, case.features))
    build = Builder("joined")
    y = x
    for place, cells in enumerate(stack):
        y = _layer(build, y, cells, place, last=case.last and place == len(stack) - 1)
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def _layer(
    build: Builder, x: Tensor, cells: Sequence[AnyCell], place: int, *, last: bool
) -> Tensor:
    """One layer's output: the sequence, or its last step; of two directions joined."""
    shape = x.shape or ()
    recurrences: list[Recurrence] = []
    outputs: list[Tensor] = []
    wanted: list[Tensor] = []
    for cell, reverse in zip(cells, (False, True), strict=False):
        name = f"layer_{place}_{'backward' if reverse else 'forward'}"
        y = build.tensor(f"{name}/y", "FLOAT32", (*shape[:2], cell.states[0]))
        finals = [build.tensor(f"{name}/h", "FLOAT32", (shape[0], w)) for w in cell.states]
        recurrences.append(Recurrence(name, cell, time_major=False, reverse=reverse))
        outputs += [y, *finals]
        wanted.append(finals[0] if last else y)
    if len(cells) == 1:
        build.ops.append(Op(RECURRENCE, [x], outputs, {"recurrence": recurrences[0]}))
        return wanted[0]
    pair = {"forward": recurrences[0], "backward": recurrences[1]}
    build.ops.append(Op(BIDIRECTIONAL, [x], outputs, pair))
    return build.concatenate(wanted, len(wanted[0].shape or ()) - 1)


def stock(case: Case, stack: Stack, batch: int) -> bytes:
    """What TensorFlow's converter makes of the Keras 3 layers, for a fixed batch."""
    # The converter is what is measured against: this file is no part of the package.
    import keras  # noqa: TID251
    import tensorflow as tf  # noqa: TID251

    x = keras.Input((case.steps, case.features), batch_size=batch, name="x")
    y = x
    for place, cells in enumerate(stack):
        sequences = not case.last or place < len(stack) - 1
        layer = getattr(keras.layers, case.kind)(case.units, return_sequences=sequences)
        if case.both:
            layer = keras.layers.Bidirectional(layer)
        y = layer(y)
        layer.set_weights([array for cell in cells for array in _keras_weights(cell)])
    with contextlib.redirect_stdout(io.StringIO()):
        converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(x, y))
        converted: bytes = converter.convert()
    return converted


def _keras_weights(cell: AnyCell) -> list[Array]:
    """Kernel [F, n U], recurrent kernel [U, n U], bias, in Keras's order of gates."""
    if isinstance(cell, SimpleRnn):
        return [cell.kernel.T, cell.recurrent.T, cell.bias]
    if isinstance(cell, Lstm):
        assert cell.input is not None
        gates = [cell.input, cell.forget, cell.candidate, cell.output]
    else:
        gates = [cell.update, cell.reset, cell.candidate]
    bias = np.concatenate([gate.bias for gate in gates])
    if isinstance(cell, Gru):
        zeros = np.zeros(2 * cell.states[0], np.float32)
        bias = np.stack([bias, np.concatenate([zeros, cell.recurrent_bias])])
    kernel = np.concatenate([gate.kernel for gate in gates]).T
    recurrent = np.concatenate([gate.recurrent for gate in gates]).T
    return [kernel, recurrent, bias]
