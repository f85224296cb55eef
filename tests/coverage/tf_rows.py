"""Rows of the coverage table from TensorFlow 1, functions, lingvo and .tflite files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.formats import concrete_function
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.toolchain import load
from tests.coverage.row import BATCH, BI_LSTM, GRU, LOOP, LSTM, RNN, Row, opened
from tests.random_models.tf1_models import graph_of, rnn_cells

#: Where lingvo's own exports are.
FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"

Run = Callable[[Any, Any, Any], Any]


def _dynamic(make: Callable[[Any], Any]) -> Run:
    """x [B, T, F] through dynamic_rnn."""
    return lambda v1, c, x: v1.nn.dynamic_rnn(make(c), x, dtype="float32")[0]


def _by_length(v1: Any, cells: Any, x: Any) -> Any:
    lengths = v1.placeholder("int32", [None], name="n")
    return v1.nn.dynamic_rnn(cells.LSTMCell(5), x, lengths, dtype="float32")[0]


def _time_major(v1: Any, cells: Any, x: Any) -> Any:
    x = v1.transpose(x, [1, 0, 2])
    y, state = v1.nn.dynamic_rnn(cells.LSTMCell(5), x, dtype="float32", time_major=True)
    return v1.concat([y[-1], state.c], 1)


def _both(v1: Any, cells: Any, x: Any) -> Any:
    pair = cells.LSTMCell(5), cells.LSTMCell(5)
    return v1.concat(v1.nn.bidirectional_dynamic_rnn(*pair, x, dtype="float32")[0], 2)


def _static(v1: Any, cells: Any, x: Any) -> Any:
    steps = v1.unstack(x, 6, 1)
    return v1.stack(v1.nn.static_rnn(cells.LSTMCell(5), steps, dtype="float32")[0], 1)


def _static_both(v1: Any, cells: Any, x: Any) -> Any:
    pair = cells.LSTMCell(5), cells.LSTMCell(5)
    steps = v1.unstack(x, 6, 1)
    return v1.stack(v1.nn.static_bidirectional_rnn(*pair, steps, dtype="float32")[0], 1)


#: How each is run, by its name; what it becomes; why a loop.
TF1: tuple[tuple[str, Run, tuple[str, ...], str], ...] = (
    ("BasicLSTMCell", _dynamic(lambda c: c.BasicLSTMCell(5)), (LSTM,), ""),
    (
        "LSTMCell: peepholes, projection, clips",
        _dynamic(
            lambda c: c.LSTMCell(
                5, use_peepholes=True, num_proj=3, cell_clip=0.8, proj_clip=0.4, forget_bias=0.7
            )
        ),
        (LSTM,),
        "",
    ),
    ("GRUCell", _dynamic(lambda c: c.GRUCell(5)), (LOOP,), GRU),
    ("BasicRNNCell", _dynamic(lambda c: c.BasicRNNCell(5)), (RNN,), ""),
    (
        "MultiRNNCell of LSTMCells",
        _dynamic(lambda c: c.MultiRNNCell([c.LSTMCell(5), c.LSTMCell(4)])),
        (LSTM, LSTM),
        "",
    ),
    ("ResidualWrapper", _dynamic(lambda c: c.ResidualWrapper(c.LSTMCell(3))), (LSTM,), ""),
    ("DropoutWrapper", _dynamic(lambda c: c.DropoutWrapper(c.LSTMCell(5), 1.0)), (LSTM,), ""),
    ("LSTMCell, time-major, final state", _time_major, (LSTM,), ""),
    ("LSTMCell, sequence_length", _by_length, (LSTM,), ""),
    ("bidirectional_dynamic_rnn", _both, (BI_LSTM, BI_LSTM), ""),
    ("static_rnn", _static, (LSTM,), ""),
    ("static_bidirectional_rnn", _static_both, (BI_LSTM, BI_LSTM), ""),
)


def tf1_rows() -> Iterator[Row]:
    """TensorFlow 1: a frozen graph of either control flow, and a SavedModel with variables."""
    for cell, run, ops, reason in TF1:
        yield Row("TF1, frozen graph", cell, _frozen(run, 1), ops, reason)
    for cell, run, ops, reason in TF1[:4]:
        yield Row("TF1, control flow v2", cell, _frozen(run, 2), ops, reason)
    cell, run, ops, reason = TF1[1]
    yield Row("TF1, SavedModel", cell, _saved_tf1(run), ops, reason)


def _frozen(run: Run, version: int) -> Callable[[Path], SourceModel]:
    def build(folder: Path) -> SourceModel:
        tf = load("tensorflow")
        with graph_of(version) as graph, tf.compat.v1.Session(graph=graph) as session:
            inputs, _ = _written(run, session)
            frozen = tf.compat.v1.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), ["y"]
            )
        (folder / "frozen.pb").write_bytes(frozen.SerializeToString())
        pins = {t.op.name: tuple(t.shape.as_list()) for t in inputs}
        return opened("graph_def", folder / "frozen.pb", inputs=pins, outputs=("y",))

    return build


def _saved_tf1(run: Run) -> Callable[[Path], SourceModel]:
    def build(folder: Path) -> SourceModel:
        v1 = load("tensorflow").compat.v1
        with graph_of(1) as graph, v1.Session(graph=graph) as session:
            inputs, y = _written(run, session)
            named = {t.op.name: t for t in inputs}
            v1.saved_model.simple_save(session, str(folder / "saved"), named, {"y": y})
        return opened("saved_model", folder / "saved")

    return build


def _written(run: Run, session: Any) -> tuple[list[Any], Any]:
    """The graph, its variables set; its inputs and its output."""
    v1 = load("tensorflow").compat.v1
    v1.set_random_seed(0)
    v1.get_variable_scope().set_initializer(v1.random_normal_initializer(stddev=0.4))
    x = v1.placeholder("float32", [None, 6, 3], name="x")
    y = v1.identity(run(v1, rnn_cells(), x), name="y")
    session.run(v1.global_variables_initializer())
    inputs = [o.outputs[0] for o in session.graph.get_operations() if o.type == "Placeholder"]
    return inputs, y


# Functions ----------------------------------------------------------------------------------------


def function_rows() -> Iterator[Row]:
    """A tf.function around a loop written by hand, and a tf.Module as a SavedModel."""
    cells: tuple[tuple[str, tuple[str, ...], str], ...] = (
        ("LSTM", (LSTM,), ""),
        ("LSTM, coupled gates", (LSTM,), ""),
        ("LSTM, layer-normalized", (LSTM,), ""),
        ("simple RNN", (RNN,), ""),
        ("minimal gated unit", (LOOP,), "no fused MGU op"),
    )
    for cell, ops, reason in cells:
        yield Row("tf.function, tf.while_loop", cell, _function(cell), ops, reason)
    yield Row("tf.Module, SavedModel", "LSTM", _module("LSTM"), (LSTM,))
    yield Row(".tflite, a loop in it", "LSTM", _tflite("LSTM"), (LSTM,))
    yield Row(".tflite, a loop in it", "simple RNN", _tflite("simple RNN"), (RNN,))


def _hand_written(cell: str) -> Any:
    """A tf.Module whose function runs a cell over x [B, T, F] in a loop."""
    tf, random = load("tensorflow"), np.random.default_rng(0)
    gates = {"simple RNN": 1, "minimal gated unit": 2}.get(cell, 4)
    owner = tf.Module()
    owner.w = tf.Variable(random.normal(0.0, 0.4, (8, 5 * gates)).astype(np.float32))
    owner.b = tf.Variable(random.normal(0.0, 0.4, 5 * gates).astype(np.float32))

    def normalized(z: Any) -> Any:
        if "normalized" not in cell:
            return z
        mean, variance = tf.nn.moments(z, [1], keepdims=True)
        return (z - mean) * tf.math.rsqrt(variance + 1e-8) * 0.8

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        z = tf.split(tf.concat([x, h], 1) @ owner.w, gates, 1)
        z = [normalized(p) + b for p, b in zip(z, tf.split(owner.b, gates), strict=True)]
        if cell == "simple RNN":
            return tf.tanh(z[0]), c
        if cell == "minimal gated unit":
            f = tf.sigmoid(z[0])
            g = tf.tanh(tf.concat([x, f * h], 1) @ owner.w[:, 5:] + owner.b[5:])
            return (1.0 - f) * h + f * g, c
        f = tf.sigmoid(z[1])
        i = 1.0 - f if "coupled" in cell else tf.sigmoid(z[0])
        c = f * c + i * tf.tanh(z[2])
        return tf.sigmoid(z[3]) * tf.tanh(c), c

    def function(x: Any) -> Any:
        steps = tf.TensorArray(tf.float32, 6).unstack(tf.transpose(x, [1, 0, 2]))
        made = tf.TensorArray(tf.float32, 6, element_shape=[None, 5])
        zeros = tf.zeros([tf.shape(x)[0], 5])

        def body(t: Any, made: Any, h: Any, c: Any) -> Any:
            h, c = step(steps.read(t), h, c)
            return t + 1, made.write(t, h), h, c

        loop = tf.while_loop(lambda t, *_: t < 6, body, (0, made, zeros, zeros))
        return {"y": tf.transpose(loop[1].stack(), [1, 0, 2])}

    signature = [tf.TensorSpec([BATCH.get(), 6, 3], tf.float32, name="x")]
    owner.function = tf.function(function, input_signature=signature)
    return owner


#: A tf.function does not own the variables it reads.
_KEPT: list[Any] = []


def _function(cell: str) -> Callable[[Path], SourceModel]:
    def build(_folder: Path) -> SourceModel:
        owner = _hand_written(cell)
        _KEPT.append(owner)
        return concrete_function.source_model(owner.function, "row", {})

    return build


def _module(cell: str) -> Callable[[Path], SourceModel]:
    def build(folder: Path) -> SourceModel:
        owner = _hand_written(cell)
        load("tensorflow").saved_model.save(owner, str(folder / "module"), owner.function)
        return opened("saved_model", folder / "module")

    return build


def _tflite(cell: str) -> Callable[[Path], SourceModel]:
    def build(folder: Path) -> SourceModel:
        path = folder / "loop.tflite"
        path.write_bytes(to_tflite(_function(cell)(folder)))
        return opened("tflite", path)

    return build


# lingvo -------------------------------------------------------------------------------------------


def lingvo_rows() -> Iterator[Row]:
    """What lingvo itself exported; its code does not load on today's systems."""
    for cell, name in (
        ("LSTMCellSimple", "lingvo_lstm_cell_simple"),
        ("LayerNormalizedLSTMCellSimple", "lingvo_layer_normalized_lstm_cell_simple"),
    ):
        path = FIXTURES / name / "saved_model"
        yield Row(
            "lingvo, SavedModel",
            cell,
            _exported(path),
            (LSTM,),
            needs=str(FIXTURES),
        )


def _exported(path: Path) -> Callable[[Path], SourceModel]:
    return lambda _folder: opened("saved_model", path)
