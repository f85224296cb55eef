"""The names of the TensorFlow Lite LSTM ops API, training and exporting under TensorFlow 2.

    from rnnlite_pipeline import lstm_ops

    cell = lstm_ops.TFLiteLSTMCell(64, forget_bias=0)
    outputs, state = lstm_ops.dynamic_rnn(cell, inputs, dtype="float32", time_major=True)

`tf.lite.experimental.nn` is gone; here its names have its arguments. They are the cells and loops
of `tf.compat.v1.nn` themselves: rnnlite reads loops as they are, and needs no hints in them. So
what the old ones refused works: `sequence_length`, the final state, `time_major` both ways, and
either control flow. The cells come from tf-keras (`pip install tf-keras`), whatever Keras
TensorFlow itself has been told to use.

Source of names and arguments: TensorFlow 1.15, lite/experimental/examples/lstm/rnn_cell.py and
rnn.py.
"""

from __future__ import annotations

import importlib
import numbers
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_V1 = tf.compat.v1
try:
    _CELLS: Any = importlib.import_module("tf_keras.api._v1.keras.__internal__.legacy.rnn_cell")
except ImportError as error:
    raise ImportError("rnnlite_pipeline.lstm_ops needs tf-keras: pip install tf-keras") from error

__all__ = [
    "MultiRNNCell",
    "OpHint",
    "TFLiteLSTMCell",
    "TfLiteRNNCell",
    "bidirectional_dynamic_rnn",
    "dynamic_rnn",
]

#: Cells one over the other. `tf_keras.layers.StackedRNNCells` does as well.
MultiRNNCell = _CELLS.MultiRNNCell


class TFLiteLSTMCell(_CELLS.LSTMCell):
    """An LSTM cell: peepholes, projection, and a clip of each.

    Its arguments are those of `tf.compat.v1.nn.rnn_cell.LSTMCell`. `num_unit_shards` and
    `num_proj_shards` split the storage of variables for parameter servers; nothing else depends
    on them.
    """


class TfLiteRNNCell(_CELLS.BasicRNNCell):
    """The plain recurrent cell: h' = activation(W x + R h + b)."""


def dynamic_rnn(  # noqa: PLR0917  # the arguments of the API it stands for
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = True,
    scope: Any = None,
) -> tuple[Any, Any]:
    """Runs a cell over a sequence, as `tf.compat.v1.nn.dynamic_rnn` does.

    Args:
        cell: A cell of this module, of tf-keras, or several of them stacked.
        inputs: [T, B, F], or [B, T, F] where `time_major` is False.
        sequence_length: int32 [B]: how many steps of each sequence count. After them the
            outputs are zero and the state stays.
        initial_state: The cell's state before the first step; zeros of `dtype` if left out.
        dtype: Of the state, where there is no `initial_state`.
        parallel_iterations: Of the loop, in TensorFlow alone.
        swap_memory: Of the loop, in TensorFlow alone.
        time_major: Whether time is the first axis of `inputs` and of the outputs.
        scope: The variable scope, "rnn" if left out.

    Returns:
        The output of every step, in the layout of `inputs`, and the final state.
    """
    return _V1.nn.dynamic_rnn(
        cell,
        inputs,
        sequence_length=sequence_length,
        initial_state=initial_state,
        dtype=dtype,
        parallel_iterations=parallel_iterations,
        swap_memory=swap_memory,
        time_major=time_major,
        scope=scope,
    )


def bidirectional_dynamic_rnn(  # noqa: PLR0917  # likewise
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Runs one cell from the start and one from the end of a sequence.

    It wraps `tf.compat.v1.nn.bidirectional_dynamic_rnn`; for layers in which each direction
    reads both directions of the layer below, call it once a layer on the joined outputs.

    Args:
        cell_fw: The cell that runs forward, as in `dynamic_rnn`.
        cell_bw: The cell that runs backward.
        inputs: As in `dynamic_rnn`.
        sequence_length: As in `dynamic_rnn`; the backward cell starts at each one's last step.
        initial_state_fw: As in `dynamic_rnn`.
        initial_state_bw: As in `dynamic_rnn`.
        dtype: As in `dynamic_rnn`.
        parallel_iterations: As in `dynamic_rnn`.
        swap_memory: As in `dynamic_rnn`.
        time_major: As in `dynamic_rnn`.
        scope: The variable scope, "bidirectional_rnn" if left out.

    Returns:
        (forward outputs, backward outputs), each aligned with `inputs`, and
        (forward final state, backward final state).
    """
    return _V1.nn.bidirectional_dynamic_rnn(
        cell_fw,
        cell_bw,
        inputs,
        sequence_length=sequence_length,
        initial_state_fw=initial_state_fw,
        initial_state_bw=initial_state_bw,
        dtype=dtype,
        parallel_iterations=parallel_iterations,
        swap_memory=swap_memory,
        time_major=time_major,
        scope=scope,
    )


class OpHint:
    """Says what a function computes, for the converter of that name to take at its word.

        @OpHint("acme.NormalizedLSTM", cell_clip=3.0)
        def normalized_lstm(x, kernel, recurrent_kernel, bias, scale, projection):
            ...

    The function's arguments are the op's inputs and what it returns its outputs, in their order,
    where `tf.compat.v1.lite.OpHint` marked each of them: variables belong among the arguments.
    It trains as before, in a graph and eagerly.

    Args:
        function_name: The op's name, for which a converter is registered (docs/guides).
        **attributes: What the converter should know: bool, int, float or str; numbers of NumPy too.

    Raises:
        TypeError: An attribute is of another type.
    """

    def __init__(self, function_name: str, **attributes: bool | float | str) -> None:
        for key, value in attributes.items():
            if not isinstance(value, bool | str | numbers.Real):
                kind = type(value).__name__
                raise TypeError(f"OpHint takes bool, int, float and str; {key} is of type {kind}")
        self.function_name = function_name
        self.attributes = attributes

    def __call__(self, function: Callable[..., Any]) -> Any:
        """The function, annotated: a `tf.function`."""
        return tf.function(function, autograph=False, experimental_implements=self._annotation())

    def _annotation(self) -> str:
        """The name and the attributes as a NameAttrList, which TensorFlow takes as text."""
        named = _V1.AttrValue().func
        named.name = self.function_name
        for key, value in self.attributes.items():
            attribute = named.attr[key]
            if isinstance(value, bool):
                attribute.b = value
            elif isinstance(value, numbers.Integral):
                attribute.i = int(value)
            elif isinstance(value, str):
                attribute.s = value.encode()
            else:
                attribute.f = float(value)
        text: str = importlib.import_module("google.protobuf.text_format").MessageToString(named)
        return text
