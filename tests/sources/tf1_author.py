"""Writes TensorFlow 1 models, as their authors did; run in a process of its own.

TF_USE_LEGACY_KERAS must be set: tf.compat.v1.nn.rnn_cell is part of tf-keras. Usage:
`python tf1_author.py FOLDER`; each model is FOLDER/NAME.pb (frozen), and `lstm` also .pbtxt, a
checkpoint with its .meta graph, and a SavedModel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1
STEPS, FEATURES, UNITS = 7, 3, 4


def lstm(x: Any) -> Any:
    """Every option of LSTMCell."""
    cell = v1.nn.rnn_cell.LSTMCell(
        UNITS, use_peepholes=True, num_proj=3, cell_clip=0.5, proj_clip=0.3, forget_bias=0.7
    )
    return v1.nn.dynamic_rnn(cell, x, dtype=tf.float32)[0]


def basic_lstm(x: Any) -> Any:
    """Two layers, time-major inside, and their last state."""
    cells = [v1.nn.rnn_cell.BasicLSTMCell(n) for n in (UNITS, 2)]
    cell = v1.nn.rnn_cell.MultiRNNCell(cells)
    x = tf.transpose(x, [1, 0, 2])
    _, state = v1.nn.dynamic_rnn(cell, x, dtype=tf.float32, time_major=True)
    return state[1].h


def basic_rnn(x: Any) -> Any:
    """The simplest cell."""
    return v1.nn.dynamic_rnn(v1.nn.rnn_cell.BasicRNNCell(UNITS), x, dtype=tf.float32)[0]


def gru(x: Any) -> Any:
    """The reset gate before the product."""
    return v1.nn.dynamic_rnn(v1.nn.rnn_cell.GRUCell(UNITS), x, dtype=tf.float32)[0]


def both_ways(x: Any) -> Any:
    """A pair of directions."""
    cells = [v1.nn.rnn_cell.LSTMCell(UNITS) for _ in range(2)]
    outputs, _ = v1.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
    return tf.concat(outputs, 2)


def static(x: Any) -> Any:
    """A chain of copies instead of a loop."""
    cell = v1.nn.rnn_cell.LSTMCell(UNITS)
    outputs, _ = v1.nn.static_rnn(cell, tf.unstack(x, STEPS, 1), dtype=tf.float32)
    return tf.stack(outputs, 1)


def gathered(x: Any) -> Any:
    """A hand-written loop whose array is written backwards and gathered in another order."""
    w = v1.get_variable("w", [UNITS, UNITS])
    u = v1.get_variable("u", [FEATURES, UNITS])
    steps = tf.TensorArray(tf.float32, STEPS).unstack(tf.transpose(x, [1, 0, 2]))
    made = tf.TensorArray(tf.float32, STEPS)

    def body(t: Any, h: Any, made: Any) -> Any:
        h = tf.tanh(tf.matmul(steps.read(t), u) + tf.matmul(h, w))
        return t + 1, h, made.write(STEPS - 1 - t, h)

    zeros = tf.zeros([tf.shape(x)[0], UNITS])
    made = v1.while_loop(lambda t, *_: t < STEPS, body, (0, zeros, made))[2]
    return tf.transpose(made.stack(), [1, 0, 2])


MODELS: tuple[Callable[[Any], Any], ...] = (
    lstm,
    basic_lstm,
    basic_rnn,
    gru,
    both_ways,
    static,
    gathered,
)


def write(build: Callable[[Any], Any], folder: Path, *, everything: bool) -> None:
    """Builds one model and writes it, with weights that do not vanish."""
    path = folder / build.__name__
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.set_random_seed(0)
        x = v1.placeholder(tf.float32, [None, STEPS, FEATURES], name="x")
        v1.get_variable_scope().set_initializer(v1.random_normal_initializer(stddev=0.5))
        y = tf.identity(build(x), name="y")
        session.run(v1.global_variables_initializer())
        freeze = v1.graph_util.convert_variables_to_constants
        frozen = freeze(session, graph.as_graph_def(), ["y"])
        path.with_suffix(".pb").write_bytes(frozen.SerializeToString())
        if everything:
            path.with_suffix(".pbtxt").write_text(str(frozen))
            v1.train.Saver().save(session, str(path))
            v1.saved_model.simple_save(session, f"{path}_saved", {"x": x}, {"y": y})


def main(folder: Path) -> None:
    """Writes every model with control flow v1, and the LSTM with v2 as well."""
    v1.disable_v2_behavior()
    for build in MODELS:
        write(build, folder, everything=build is lstm)
    v1.enable_control_flow_v2()
    (folder / "v2").mkdir()
    write(lstm, folder / "v2", everything=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
