"""TensorFlow's ops for whole cells are the cells that they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.toolchain import load
from tests.sources.round_trip import round_trip

T, F, U = 7, 3, 4
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
Build = Callable[[Any, Any], Any]


class Weights:
    """Random constants."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def __call__(self, *shape: int) -> Any:
        """A constant of this shape."""
        return load("tensorflow").constant(self._rng.normal(0, 0.5, shape).astype(np.float32))


def block(x: Any, weights: Weights, op: str = "BlockLSTM", **options: Any) -> Any:
    """All steps in one op, as LSTMBlockFusedCell calls it, over x [T, B, F]."""
    tf = load("tensorflow")
    length = tf.cast(tf.shape(x)[0], tf.int64)
    zeros = tf.zeros([tf.shape(x)[1], U])
    operands = {"seq_len_max": length, "x": x, "cs_prev": zeros, "h_prev": zeros}
    operands |= {"w": weights(F + U, 4 * U), "b": weights(4 * U)}
    operands |= {name: weights(U) for name in ("wci", "wcf", "wco")}
    return getattr(tf.raw_ops, op)(**operands, **options).h


def fused_cell(x: Any, weights: Weights) -> Any:
    """A forget bias and a clip."""
    return block(x, weights, forget_bias=1.0, cell_clip=0.5, use_peephole=False)


def peepholes(x: Any, weights: Weights) -> Any:
    """The three diagonals, and no clip."""
    return block(x, weights, forget_bias=0.0, cell_clip=-1.0, use_peephole=True)


def second(x: Any, weights: Weights) -> Any:
    """Another order of the gates."""
    return block(x, weights, "BlockLSTMV2", cell_clip=0.0, use_peephole=False)


def stepped(x: Any, step: Callable[[Any, Any, Any], tuple[Any, Any]]) -> Any:
    """dynamic_rnn over a step of an op: h of all steps."""
    tf = load("tensorflow")
    steps = tf.TensorArray(tf.float32, T).unstack(x)
    made = tf.TensorArray(tf.float32, T)
    zeros = tf.zeros([tf.shape(x)[1], U])

    def body(t: Any, c: Any, h: Any, made: Any) -> Any:
        c, h = step(steps.read(t), c, h)
        return t + 1, c, h, made.write(t, h)

    ended = tf.compat.v1.while_loop(lambda t, *_: t < T, body, (0, zeros, zeros, made))
    return ended[3].stack()


def block_cell(x: Any, weights: Weights) -> Any:
    """LSTMBlockCell: a step in one op."""
    tf, w, b = load("tensorflow"), weights(F + U, 4 * U), weights(4 * U)
    wci, wcf, wco = (weights(U) for _ in range(3))

    def step(x: Any, c: Any, h: Any) -> tuple[Any, Any]:
        made = tf.raw_ops.LSTMBlockCell(
            x=x, cs_prev=c, h_prev=h, w=w, wci=wci, wcf=wcf, wco=wco, b=b, use_peephole=True
        )
        return made.cs, made.h

    return stepped(x, step)


def gru_cell(x: Any, weights: Weights) -> Any:
    """GRUBlockCell: a step in one op."""
    tf = load("tensorflow")
    w_ru, w_c, b_ru, b_c = weights(F + U, 2 * U), weights(F + U, U), weights(2 * U), weights(U)

    def step(x: Any, c: Any, h: Any) -> tuple[Any, Any]:
        made = tf.raw_ops.GRUBlockCell(x=x, h_prev=h, w_ru=w_ru, w_c=w_c, b_ru=b_ru, b_c=b_c)
        return c, made.h

    return stepped(x, step)


def clipped(x: Any, weights: Weights) -> Any:
    """An LSTM whose cell state is clipped by ClipByValue."""
    tf, w = load("tensorflow"), weights(F + U, 4 * U)

    def step(x: Any, c: Any, h: Any) -> tuple[Any, Any]:
        i, f, g, o = tf.split(tf.matmul(tf.concat([x, h], 1), w), 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        c = tf.raw_ops.ClipByValue(t=c, clip_value_min=-0.3, clip_value_max=0.3)
        return c, tf.sigmoid(o) * tf.tanh(c)

    return stepped(x, step)


def graph_file(folder: Path, build: Build, *, functional: bool) -> Path:
    """A frozen graph of x [T, B, F]; its loops are functions, or of control flow v1."""
    tf = load("tensorflow")
    v1, path = tf.compat.v1, folder / "m.pb"
    (v1.enable_control_flow_v2 if functional else v1.disable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as graph:
            x = v1.placeholder(tf.float32, [T, None, F], name="x")
            tf.identity(build(x, Weights()), name="y")
    finally:
        v1.enable_control_flow_v2()
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.mark.parametrize("functional", [False, True], ids=["v1", "v2"])
@pytest.mark.parametrize(
    ("build", "fused"),
    [
        (fused_cell, 1),
        (peepholes, 1),
        (second, 1),
        (block_cell, 1),
        (gru_cell, 0),
        (clipped, 1),
    ],
)
def test_ops_for_cells_are_read(tmp_path: Path, build: Build, fused: int, functional: bool) -> None:
    """Each becomes the recurrence that TensorFlow's own kernel computes."""
    path = graph_file(tmp_path, build, functional=functional)
    asked: dict[str, Any] = {"inputs": {"x": [T, None, F]}, "outputs": ["y"]}
    made = round_trip(format="graph_def", path=str(path), **asked)
    assert made.codes[LSTM] == fused
    assert len(made.layers) == 1


def cudnn(folder: Path, mode: str, params: Any, layers: int, directions: int) -> Path:
    """A frozen graph of one CudnnRNN over x [T, B, F], which no CPU runs."""
    tf = load("tensorflow")
    v1, path = tf.compat.v1, folder / "m.pb"
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [T, None, F], name="x")
        zeros = tf.zeros([layers * directions, tf.shape(x)[1], U])
        zeros.set_shape([layers * directions, None, U])
        made = tf.raw_ops.CudnnRNNV2(
            input=x,
            input_h=zeros,
            input_c=zeros,
            params=tf.constant(params),
            rnn_mode=mode,
            direction="bidirectional" if directions == 2 else "unidirectional",
            is_training=False,
        )
        tf.identity(made.output, name="y")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.mark.parametrize(
    ("mode", "layers", "directions"),
    [("lstm", 1, 1), ("lstm", 2, 2), ("gru", 2, 1), ("gru", 1, 2), ("rnn_tanh", 1, 1)],
)
def test_a_stack_of_cudnn_is_its_layers(
    tmp_path: Path, mode: str, layers: int, directions: int
) -> None:
    """Keras layers with the same weights, in cuDNN's order, give the same numbers."""
    load("tensorflow")
    keras, utils = load("tf_keras"), load("tf_keras.src.layers.rnn.gru_lstm_utils")
    kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn_tanh": keras.layers.SimpleRNN}
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((T, F))])
    for _ in range(layers):
        made = kinds[mode](U, return_sequences=True, bias_initializer="random_normal")
        model.add(keras.layers.Bidirectional(made) if directions == 2 else made)
    matrices, biases = [], []
    arrays = iter(model.get_weights())
    gates = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn_tanh": (0,)}[mode]
    for kernel, recurrent, bias in zip(arrays, arrays, arrays, strict=True):
        for each in (kernel, recurrent):
            parts = np.split(each, len(gates), axis=1)
            matrices += [parts[gate].T for gate in gates]
        second = bias if mode == "gru" else np.stack([bias, np.zeros_like(bias)])
        biases += [np.split(half, len(gates))[gate] for half in second for gate in gates]
    params = utils.canonical_to_params(matrices, biases, shape=(-1,)).numpy()
    path = cudnn(tmp_path, mode, params, layers, directions)
    asked: dict[str, Any] = {"inputs": {"x": [T, None, F]}, "outputs": ["y"]}
    made = round_trip(format="graph_def", path=str(path), **asked)
    x = np.random.default_rng(0).normal(size=(T, 2, F)).astype(np.float32)
    expected = np.asarray(model(x.swapaxes(0, 1))).swapaxes(0, 1)
    np.testing.assert_allclose(made.source.run({"x": x})["y"], expected, atol=1e-6)
    assert len(made.layers) == layers * directions


def cudnn_with_variables(folder: Path, weights: list[Any], canonical: bool) -> tuple[Path, Path]:
    """One CudnnRNN in a graph with a checkpoint, as a .meta file and as a SavedModel.

    Args:
        folder: Where they are written.
        weights: Four matrices of the input, four of h, and eight biases.
        canonical: Whether the checkpoint holds each of these, as tf.contrib.cudnn_rnn saves them,
            and not the vector of all.
    """
    tf = load("tensorflow")
    v1, raw = tf.compat.v1, tf.raw_ops
    saved = folder / "saved"
    (saved / "variables").mkdir(parents=True)
    vector = np.concatenate([each.ravel() for each in weights])
    names = [f"rnn/weight_{k}" for k in range(len(weights))]
    with tf.Graph().as_default(), v1.Session() as session:
        stored = dict(zip(names, weights, strict=True)) if canonical else {"rnn/params": vector}
        for name, value in stored.items():
            v1.get_variable(name, initializer=value, use_resource=False)
        session.run(v1.global_variables_initializer())
        for place in (folder / "m", saved / "variables" / "variables"):
            v1.train.Saver().save(session, str(place), write_meta_graph=False)
    sizes: dict[str, Any] = {"num_layers": 1, "num_units": U, "input_size": F}
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [T, None, F], name="x")
        zeros = tf.zeros([1, tf.shape(x)[1], U])
        zeros.set_shape([1, None, U])
        count = raw.CudnnRNNParamsSize(**sizes, T=tf.float32, S=tf.int32)
        params = v1.get_variable(
            "rnn/params",
            initializer=tf.random.uniform(tf.reshape(count, [1])),
            validate_shape=False,
            use_resource=False,
        )
        made = raw.CudnnRNN(input=x, input_h=zeros, input_c=zeros, params=params, is_training=False)
        y = tf.identity(made.output, name="y")
        parts = raw.CudnnRNNParamsToCanonical(**sizes, params=params, num_params=8)
        kept: Any = [params]
        if canonical:
            saver = load("tensorflow.python.training.saving.saveable_object")

            class Saveable(saver.SaveableObject):  # type: ignore[misc, name-defined]
                """As tf.contrib.cudnn_rnn's."""

                def restore(self, tensors: Any, _: Any) -> Any:
                    """Joins what the checkpoint holds."""
                    joined = raw.CudnnRNNCanonicalToParams(
                        **sizes, weights=tensors[:8], biases=tensors[8:]
                    )
                    return v1.assign(params, joined, validate_shape=False)

            given = [*parts.weights, *parts.biases]
            specs = [
                saver.SaveSpec(tensor, "", name) for tensor, name in zip(given, names, strict=True)
            ]
            kept = [Saveable(params, specs, "rnn")]
        meta = v1.train.Saver(kept).export_meta_graph(str(folder / "m.meta"))
        infos = [v1.saved_model.utils.build_tensor_info(each) for each in (x, y)]
        meta.signature_def["serving_default"].inputs["x"].CopyFrom(infos[0])
        meta.signature_def["serving_default"].outputs["y"].CopyFrom(infos[1])
        meta.meta_info_def.tags.append("serve")
        del graph
    pb2 = load("tensorflow.core.protobuf.saved_model_pb2")
    model = pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[meta])
    (saved / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder / "m.meta", saved


@pytest.mark.parametrize("canonical", [False, True])
def test_a_checkpoint_of_cudnn_is_read(tmp_path: Path, canonical: bool) -> None:
    """Beside a .meta file and in a SavedModel; its weights as one vector, or each apart."""
    rng = np.random.default_rng(0)
    shapes = [*[(U, F)] * 4, *[(U, U)] * 4, *[(U,)] * 8]
    weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
    vector = np.concatenate([each.ravel() for each in weights])
    frozen = cudnn(tmp_path, "lstm", vector, 1, 1)
    meta, saved = cudnn_with_variables(tmp_path, weights, canonical)
    x = {"x": rng.normal(size=(T, 2, F)).astype(np.float32)}
    asked: dict[str, Any] = {"inputs": {"x": [T, None, F]}, "outputs": ["y"]}
    expected = round_trip(format="graph_def", path=str(frozen), **asked).source.run(x)["y"]
    made = round_trip(format="graph_def", path=str(meta), **asked)
    np.testing.assert_array_equal(made.source.run(x)["y"], expected)
    assert len(made.layers) == 1
    made = round_trip(format="saved_model", path=str(saved))
    np.testing.assert_array_equal(made.source.run(x)["y"], expected)
    assert len(made.layers) == 1
