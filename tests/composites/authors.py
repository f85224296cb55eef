"""Writes models with annotated functions, as their sources are imported: needs TensorFlow.

    python tests/composites/authors.py FOLDER

For each of `MODELS`, NAME.tflite is what the stage import makes of it; NAME.npz holds inputs and
what TensorFlow computes for them, named in/KEY and out/KEY.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats.concrete_function import source_model
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load

tf = load("tensorflow")

FEATURES, UNITS, OUTPUTS = 3, 4, 2
Shapes = Mapping[str, Sequence[int | None]]
RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> Any:
    """A variable: every variable must outlive the functions that read it."""
    KEPT.append(tf.Variable(RANDOM.normal(size=shape).astype(np.float32)))
    return KEPT[-1]


KEPT: list[Any] = []


def keras_lstm(name: str | None, *, order: str = "ifgo", double: bool = True, **says: bool) -> Any:
    """A function of the Keras LSTM interface; in float64 its body is nothing LiteRT could run."""
    annotation = {"api_implements": name, **says} if name else {}

    @tf.function(experimental_attributes=annotation, autograph=False)
    def lstm(  # noqa: PLR0917  # the interface has places, not names
        inputs: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any
    ) -> tuple[Any, ...]:
        width = tf.float64 if double else tf.float32
        x, h, c, w, r, b = (tf.cast(t, width) for t in (inputs, h, c, kernel, recurrent, bias))
        x = x if says.get("time_major") else tf.transpose(x, [1, 0, 2])
        x = tf.reverse(x, [0]) if says.get("go_backwards") else x

        def step(state: tuple[Any, Any], x_t: Any) -> tuple[Any, Any]:
            h, c = state
            gates = dict(zip(order, tf.split(x_t @ w + h @ r + b, 4, 1), strict=True))
            c = tf.sigmoid(gates["f"]) * c + tf.sigmoid(gates["i"]) * tf.tanh(gates["g"])
            return tf.sigmoid(gates["o"]) * tf.tanh(c), c

        h, c = tf.scan(step, x, (h, c))
        y = h if says.get("time_major") else tf.transpose(h, [1, 0, 2])
        results = (tf.cast(t, tf.float32) for t in (h[-1], y, h[-1], c[-1]))
        return *results, tf.constant(0.0)

    return lstm


def zeros(x: Any, width: int = UNITS, axis: int = 0) -> Any:
    """A state [B, width] of zeros."""
    return tf.zeros([tf.shape(x)[axis], width])


def lstm_weights() -> list[Any]:
    """Kernel, recurrent kernel and bias."""
    return [weights(FEATURES, 4 * UNITS), weights(UNITS, 4 * UNITS), weights(4 * UNITS)]


def sequence(lstm: Any) -> tuple[Callable[..., Any], Shapes]:
    """Two layers of one annotated function, from states of zeros; variables as operands."""
    first = lstm_weights()
    second = [weights(UNITS, 4 * UNITS), weights(UNITS, 4 * UNITS), weights(4 * UNITS)]

    def model(x: Any) -> dict[str, Any]:
        _, y, *_ = lstm(x, zeros(x), zeros(x), *first)
        last, _, _, c, _ = lstm(y, zeros(x), zeros(x), *second)
        return {"last": last, "c": c}

    return model, {"x": (None, None, FEATURES)}


def backwards() -> tuple[Callable[..., Any], Shapes]:
    """Time-major, from the end, from given states; everything is used."""
    lstm, own = keras_lstm("lstm_back", time_major=True, go_backwards=True), lstm_weights()

    def model(x: Any, h: Any, c: Any) -> dict[str, Any]:
        last, y, h, c, _ = lstm(x, h, c, *map(tf.convert_to_tensor, own))
        return {"last": last, "y": y, "h": h * 2.0, "c": c}

    return model, {"x": (None, 2, FEATURES), "h": (2, UNITS), "c": (2, UNITS)}


def computed_kernel() -> tuple[Callable[..., Any], Shapes]:
    """A kernel that depends on the input."""
    lstm, own = keras_lstm("lstm_computed"), lstm_weights()

    def model(x: Any) -> dict[str, Any]:
        return {"y": lstm(x, zeros(x), zeros(x), own[0] * tf.reduce_max(x), *own[1:])[1]}

    return model, {"x": (None, None, FEATURES)}


def lingvo_cell(name: str, *, normalized: bool, coupled: bool) -> Any:
    """One step of a lingvo cell in float64, with projection and its cell clip of 10."""
    count = 3 if coupled else 4

    @tf.function(experimental_implements=name, autograph=False)
    def cell(x: Any, w: Any, b: Any, p: Any, *rest: Any) -> tuple[Any, Any]:
        x, w, b, p, *others = (tf.cast(t, tf.float64) for t in (x, w, b, p, *rest))
        m, c = others[-2:]
        gates = tf.split(tf.concat([x, m], 1) @ w, count, 1)
        if normalized:
            scales = tf.split(others[0], 4)
            gates = [_normalized(z) * s for z, s in zip(gates, scales, strict=True)]
        candidate, *i, f, o = (z + k for z, k in zip(gates, tf.split(b, count), strict=True))
        f = tf.sigmoid(f)
        c = f * c + (tf.sigmoid(i[0]) if i else 1.0 - f) * tf.tanh(candidate)
        c = tf.clip_by_value(c, -10.0, 10.0)
        m = (tf.sigmoid(o) * tf.tanh(c)) @ p
        return tf.cast(m, tf.float32), tf.cast(c, tf.float32)

    return cell


def _normalized(z: Any) -> Any:
    mean, variance = tf.nn.moments(z, [-1], keepdims=True)
    return (z - mean) * tf.math.rsqrt(variance + 1e-8)


def lingvo_step() -> tuple[Callable[..., Any], Shapes]:
    """A step between the model's own states."""
    name = "LayerNormalizedLstmCellSimple"
    cell = lingvo_cell(name, normalized=True, coupled=False)
    shapes = ((FEATURES + OUTPUTS, 4 * UNITS), (4 * UNITS,), (UNITS, OUTPUTS), (4 * UNITS,))
    own = [weights(*shape) for shape in shapes]

    def model(x: Any, m: Any, c: Any) -> dict[str, Any]:
        m, c = cell(x, *own, m, c)
        return {"m_after": m, "c_after": c}

    return model, {"x": (None, FEATURES), "m": (None, OUTPUTS), "c": (None, UNITS)}


def lingvo_loop() -> tuple[Callable[..., Any], Shapes]:
    """The annotated step in the author's own loop, its gates coupled."""
    name = "lingvo.LSTMCellSimple,CoupleInputForgetGates"
    cell = lingvo_cell(name, normalized=False, coupled=True)
    shapes = ((FEATURES + OUTPUTS, 3 * UNITS), (3 * UNITS,), (UNITS, OUTPUTS))
    own = [weights(*shape) for shape in shapes]

    def model(x: Any) -> dict[str, Any]:
        def step(state: tuple[Any, Any], x_t: Any) -> tuple[Any, Any]:
            return tuple(cell(x_t, *map(tf.convert_to_tensor, own), *state))

        start = (zeros(x, OUTPUTS), zeros(x))
        m, _ = tf.scan(step, tf.transpose(x, [1, 0, 2]), start)
        return {"y": tf.transpose(m, [1, 0, 2])}

    return model, {"x": (None, None, FEATURES)}


def keras_2() -> tuple[Callable[..., Any], Shapes]:
    """Keras 2 annotates its own LSTM so: both directions, the last step alone."""
    layers = load("tf_keras").layers
    layer = layers.Bidirectional(layers.LSTM(UNITS), name="both")
    layer.build((None, None, FEATURES))
    KEPT.append(layer)
    return lambda x: {"y": layer(x)}, {"x": (None, None, FEATURES)}


#: Makes each model: its call and the shapes of its arguments.
MODELS: dict[str, Callable[[], tuple[Callable[..., Any], Shapes]]] = {
    "sequence": lambda: sequence(keras_lstm("lstm_mine", time_major=False)),
    "unannotated": lambda: sequence(keras_lstm(None)),
    "unknown_name": lambda: sequence(keras_lstm("memory_cell", double=False)),
    "lie": lambda: sequence(keras_lstm("lstm_lie", order="figo", time_major=False)),
    "backwards": backwards,
    "computed_kernel": computed_kernel,
    "lingvo_step": lingvo_step,
    "lingvo_loop": lingvo_loop,
    "keras_2": keras_2,
}


def write(name: str, folder: Path) -> None:
    """Leaves what one model is imported as, and what it computes."""
    call, shapes = MODELS[name]()
    specs = [tf.TensorSpec(shape, name=key) for key, shape in shapes.items()]
    function = tf.function(call, autograph=False, input_signature=specs)
    source = source_model(function, f"authors:{name}", {})
    (folder / f"{name}.tflite").write_bytes(to_tflite(source))
    given = {
        key: RANDOM.normal(size=[(2, 5)[k] if d is None else d for k, d in enumerate(shape)])
        for key, shape in shapes.items()
    }
    inputs = {key: value.astype(np.float32) for key, value in given.items()}
    arrays = {f"in/{key}": value for key, value in inputs.items()}
    arrays |= {f"out/{key}": value for key, value in source.run(inputs).items()}
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)


if __name__ == "__main__":
    for each in MODELS:
        write(each, Path(sys.argv[1]))
