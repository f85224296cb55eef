"""Writes models made with the drop-in names, as their sources are imported: needs TensorFlow.

    python tests/lstm_ops_authors.py FOLDER

For each of `MODELS`, NAME.tflite is what the stage import makes of it, and NAME.npz holds inputs
and what a session computes for them, named in/KEY and out/KEY; losses.npz holds the loss of each
before and after some training; hints.json holds what annotations of several types are written as.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.session import session_model
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load

tf = load("tensorflow")
lstm_ops = load("rnnlite_pipeline.lstm_ops")
v1 = tf.compat.v1
v1.disable_eager_execution()

FEATURES, UNITS, BATCH, STEPS = 3, 4, 2, 5
RANDOM = np.random.default_rng(0)
Tensors = Mapping[str, Any]


def sequence() -> Any:
    """The input, open in time and batch."""
    return v1.placeholder(tf.float32, [None, None, FEATURES], name="x")


def stacked() -> tuple[Tensors, Tensors]:
    """Every option of the cell, one over the other; batch-major; the final state is used."""
    x = sequence()
    cells = [
        lstm_ops.TFLiteLSTMCell(
            UNITS,
            use_peepholes=True,
            cell_clip=0.5,
            num_proj=3,
            proj_clip=0.25,
            num_unit_shards=1,
            num_proj_shards=1,
            forget_bias=0.5,
        ),
        lstm_ops.TFLiteLSTMCell(UNITS, forget_bias=0),
    ]
    cell = lstm_ops.MultiRNNCell(cells)
    y, state = lstm_ops.dynamic_rnn(cell, x, dtype="float32", time_major=False)
    return {"x": x}, {"y": y, "c": state[1].c, "h": state[1].h}


def plain() -> tuple[Tensors, Tensors]:
    """The plain cell, stacked by Keras 2, time-major by default."""
    x = sequence()
    cells = [lstm_ops.TfLiteRNNCell(UNITS), lstm_ops.TfLiteRNNCell(3)]
    cell = load("tf_keras").layers.StackedRNNCells(cells)
    y, _ = lstm_ops.dynamic_rnn(cell, x, dtype="float32")
    return {"x": x}, {"y": y}


def bidirectional() -> tuple[Tensors, Tensors]:
    """Both directions, time-major."""
    x = sequence()
    cells = [lstm_ops.TFLiteLSTMCell(UNITS) for _ in range(2)]
    y, _ = lstm_ops.bidirectional_dynamic_rnn(*cells, x, dtype="float32", time_major=True)
    return {"x": x}, {"y": tf.concat(y, 2)}


def lengths() -> tuple[Tensors, Tensors]:
    """sequence_length: an input of the model."""
    x, n = sequence(), v1.placeholder(tf.int32, [None], name="n")
    cell = lstm_ops.TFLiteLSTMCell(UNITS)
    y, state = lstm_ops.dynamic_rnn(cell, x, n, dtype="float32", time_major=False)
    return {"x": x, "n": n}, {"y": y, "h": state.h}


def hinted() -> tuple[Tensors, Tensors]:
    """A user-defined op with a hint: a cell in float64, of the Keras LSTM interface."""
    x = sequence()

    @lstm_ops.OpHint("lstm_hinted", time_major=True)
    def lstm(  # noqa: PLR0917  # the interface has places, not names
        inputs: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any
    ) -> tuple[Any, ...]:
        inputs, h, c, w, r, b = (
            tf.cast(t, tf.float64) for t in (inputs, h, c, kernel, recurrent, bias)
        )

        def step(state: tuple[Any, Any], x_t: Any) -> tuple[Any, Any]:
            h, c = state
            i, f, g, o = tf.split(x_t @ w + h @ r + b, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        h, c = tf.scan(step, inputs, (h, c))
        results = (tf.cast(t, tf.float32) for t in (h[-1], h, h[-1], c[-1]))
        return *results, tf.constant(0.0)

    shapes = ((FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    weights = [v1.get_variable(f"w{k}", shape) for k, shape in enumerate(shapes)]
    zeros = tf.zeros([tf.shape(x)[1], UNITS])
    return {"x": x}, {"y": lstm(x, zeros, zeros, *weights)[1]}


MODELS: dict[str, Callable[[], tuple[Tensors, Tensors]]] = {
    each.__name__: each for each in (stacked, plain, bidirectional, lengths, hinted)
}


def write(name: str, folder: Path) -> None:
    """Leaves what one model is imported as, and what it computes."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        inputs, outputs = MODELS[name]()
        session.run(v1.global_variables_initializer())
        for variable in v1.trainable_variables():
            variable.load(RANDOM.normal(0.0, 0.7, variable.shape).astype(np.float32), session)
        source = session_model(session, inputs, outputs, {})
        (folder / f"{name}.tflite").write_bytes(to_tflite(source))
        given = {"x": RANDOM.normal(size=(BATCH, STEPS, FEATURES)).astype(np.float32)}
        if "n" in inputs:
            given["n"] = np.array([STEPS, 2], np.int32)
        results = session.run(dict(outputs), {inputs[key]: v for key, v in given.items()})
    arrays = {f"in/{key}": value for key, value in given.items()}
    arrays |= {f"out/{key}": value for key, value in results.items()}
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)


def gradients(folder: Path) -> None:
    """Leaves the loss of each model before and after some steps of training."""
    losses = {}
    for name, author in MODELS.items():
        with tf.Graph().as_default(), v1.Session() as session:
            v1.set_random_seed(1)
            inputs, outputs = author()
            loss = tf.reduce_mean(tf.square(outputs["y"] - 0.1))
            step = v1.train.AdamOptimizer(0.05).minimize(loss)
            session.run(v1.global_variables_initializer())
            fed = {inputs["x"]: RANDOM.normal(size=(BATCH, STEPS, FEATURES))}
            if "n" in inputs:
                fed[inputs["n"]] = np.array([STEPS, 2])
            first = session.run(loss, fed)
            for _ in range(20):
                session.run(step, fed)
            losses[name] = np.array([first, session.run(loss, fed)])
    np.savez(folder / "losses.npz", allow_pickle=False, **losses)


def hints(folder: Path) -> None:
    """Leaves the attributes of an annotation by name, and the error of a type that has none."""
    values = {"yes": True, "no": False, "one": 1, "half": 0.5, "text": 'a "b"'}
    numbers = {"int": np.int64(7), "float": np.float32(0.25), "double": np.float64(0.125)}
    annotation = lstm_ops.OpHint("acme", **values, **numbers)._annotation()
    read = v1.AttrValue()
    load("google.protobuf.text_format").Parse(annotation, read.func)
    told = {key: attribute.WhichOneof("value") for key, attribute in read.func.attr.items()}
    shown = {
        key: getattr(read.func.attr[key], kind).decode()
        if kind == "s"
        else getattr(read.func.attr[key], kind)
        for key, kind in told.items()
    }
    try:
        lstm_ops.OpHint("acme", sizes=[1, 2])
        refused = ""
    except TypeError as error:
        refused = str(error)
    text = json.dumps({"name": read.func.name, "kinds": told, "values": shown, "refused": refused})
    (folder / "hints.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    hints(Path(sys.argv[1]))
    for each in MODELS:
        write(each, Path(sys.argv[1]))
    gradients(Path(sys.argv[1]))
