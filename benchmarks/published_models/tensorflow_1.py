"""TensorFlow 1 graphs written as public code writes them, small, in control flow of version 1."""

from __future__ import annotations

from typing import Any

from benchmarks.in_session import Built, in_session
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load

tf: Any = load("tensorflow")
v1: Any = tf.compat.v1
cells: Any = load("tf_keras.api._v1.keras.__internal__.legacy.rnn_cell")

WORDS, UNITS = 30, 8


def _dense(x: Any, units: int, name: str) -> Any:
    w = v1.get_variable(f"{name}_w", [x.shape[-1], units])
    return tf.matmul(x, w) + v1.get_variable(f"{name}_b", [units])


def _char_rnn(steps: int) -> SourceModel:
    def build() -> Built:
        cell = cells.MultiRNNCell([cells.BasicLSTMCell(UNITS) for _ in range(2)])
        tokens = v1.placeholder(tf.int32, [1, steps], "tokens")
        new = state = cell.zero_state(1, tf.float32)
        rows = tf.nn.embedding_lookup(v1.get_variable("embedding", [WORDS, UNITS]), tokens)
        made = []
        with v1.variable_scope("rnnlm"):
            for step, x in enumerate(tf.split(rows, steps, 1)):
                if step:
                    v1.get_variable_scope().reuse_variables()
                y, new = cell(tf.squeeze(x, [1]), new)
                made.append(y)
        output = tf.reshape(tf.concat(made, 1), [-1, UNITS])
        inputs, outputs = {"tokens": tokens}, {"probs": tf.nn.softmax(_dense(output, WORDS, "out"))}
        for k, (old, last) in enumerate(
            zip(tf.nest.flatten(state), tf.nest.flatten(new), strict=True)
        ):
            inputs[f"state_{k}"], outputs[f"state_{k}_out"] = old, last
        return inputs, outputs

    return in_session(build)


def char_rnn() -> SourceModel:
    """github.com/sherjilozair/char-rnn-tensorflow: the static graph that is trained."""
    return _char_rnn(10)


def char_rnn_sample() -> SourceModel:
    """github.com/sherjilozair/char-rnn-tensorflow: the graph that samples, one step."""
    return _char_rnn(1)


def deep_speech() -> SourceModel:
    """github.com/mozilla/DeepSpeech 0.6: clipped layers, LSTMBlockFusedCell, its states fed."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [1, 16, 26], "input_node")
        c, h = (v1.placeholder(tf.float32, [1, UNITS], n) for n in ("previous_c", "previous_h"))
        lengths = v1.placeholder(tf.int32, [1], "input_lengths")

        def clipped(y: Any, name: str) -> Any:
            return tf.minimum(tf.nn.relu(_dense(y, UNITS, name)), 20.0)

        y = tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, 26])
        for layer in (1, 2, 3):
            y = clipped(y, f"layer_{layer}")
        kernel, bias = v1.get_variable("kernel", [2 * UNITS, 4 * UNITS]), tf.zeros([4 * UNITS])
        zeros = tf.zeros([UNITS])
        made = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(tf.reduce_max(lengths), tf.int64),
            x=tf.reshape(y, [16, 1, UNITS]),
            cs_prev=c,
            h_prev=h,
            w=kernel,
            wci=zeros,
            wcf=zeros,
            wco=zeros,
            b=bias,
            forget_bias=0.0,
            cell_clip=-1.0,
            use_peephole=False,
        )
        inside = tf.transpose(tf.sequence_mask(lengths, 16, tf.float32))[..., None]
        logits = _dense(clipped(tf.reshape(made.h * inside, [-1, UNITS]), "layer_5"), 29, "layer_6")
        outputs = {"logits": tf.nn.softmax(tf.reshape(logits, [16, 1, 29]))}
        outputs |= {"new_state_c": made.cs[-1], "new_state_h": made.h[-1]}
        return {
            "input_node": x,
            "previous_state_c": c,
            "previous_state_h": h,
            "input_lengths": lengths,
        }, outputs

    return in_session(build)


def deep_speech_all_frames() -> SourceModel:
    """github.com/mozilla/DeepSpeech 0.5: LSTMBlockFusedCell over all frames, time-major."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [16, None, 26], "x")
        zeros, state = tf.zeros([UNITS]), tf.zeros([tf.shape(x)[1], UNITS])
        made = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(16, tf.int64),
            x=x,
            cs_prev=state,
            h_prev=state,
            w=v1.get_variable("kernel", [26 + UNITS, 4 * UNITS]),
            wci=zeros,
            wcf=zeros,
            wco=zeros,
            b=v1.get_variable("bias", [4 * UNITS]),
            forget_bias=0.0,
            cell_clip=-1.0,
            use_peephole=False,
        )
        logits = _dense(tf.reshape(made.h, [-1, UNITS]), 29, "out")
        return {"x": x}, {"logits": tf.reshape(logits, [16, -1, 29])}

    return in_session(build)


def attention_decoder() -> SourceModel:
    """github.com/OpenNMT/OpenNMT-tf 1.x: LSTM decoder, Luong's attention, its output fed back."""

    def build() -> Built:
        source = v1.placeholder(tf.float32, [None, 9, UNITS], "source")
        target = v1.placeholder(tf.float32, [None, 7, 6], "target")
        cell = cells.BasicLSTMCell(UNITS)
        memory, state = v1.nn.dynamic_rnn(cells.BasicLSTMCell(UNITS), source, dtype=tf.float32)
        keys = v1.get_variable("keys", [UNITS, UNITS])
        mix = v1.get_variable("mix", [2 * UNITS, UNITS])
        steps = tf.TensorArray(tf.float32, 7).unstack(tf.transpose(target, [1, 0, 2]))

        def body(t: Any, c: Any, h: Any, attention: Any, made: Any) -> tuple[Any, ...]:
            y, (c, h) = cell(tf.concat([steps.read(t), attention], 1), (c, h))
            scores = tf.squeeze(tf.matmul(memory, tf.expand_dims(tf.matmul(y, keys), 2)), 2)
            weights = tf.expand_dims(tf.nn.softmax(scores), 1)
            context = tf.squeeze(tf.matmul(weights, memory), 1)
            attention = tf.tanh(tf.matmul(tf.concat([y, context], 1), mix))
            return t + 1, c, h, attention, made.write(t, attention)

        first = tf.zeros([tf.shape(source)[0], UNITS])
        first.set_shape([None, UNITS])
        ended = v1.while_loop(
            lambda t, *_: t < 7, body, (0, *state, first, tf.TensorArray(tf.float32, 7))
        )
        made = tf.transpose(ended[4].stack(), [1, 0, 2])
        return {"source": source, "target": target}, {"y": made}

    return in_session(build)


def greedy_decoder() -> SourceModel:
    """tf.contrib.seq2seq.dynamic_decode with GreedyEmbeddingHelper: ends where all have ended."""

    def build() -> Built:
        start = v1.placeholder(tf.float32, [None, UNITS], "start")
        cell, table = cells.GRUCell(UNITS), v1.get_variable("embedding", [WORDS, UNITS])
        w = v1.get_variable("logits", [UNITS, WORDS])
        batch = tf.shape(start)[0]

        def body(t: Any, h: Any, x: Any, finished: Any, made: Any) -> tuple[Any, ...]:
            y, h = cell(x, h)
            logits = tf.matmul(y, w)
            chosen = tf.argmax(logits, 1, output_type=tf.int32)
            made = made.write(t, tf.where(finished[:, None], tf.zeros_like(logits), logits))
            finished = tf.logical_or(finished, tf.equal(chosen, 1))
            return t + 1, h, tf.nn.embedding_lookup(table, chosen), finished, made

        first = tf.nn.embedding_lookup(table, tf.zeros([batch], tf.int32))
        ended = v1.while_loop(
            lambda t, *rest: tf.logical_and(t < 12, tf.logical_not(tf.reduce_all(rest[2]))),
            body,
            (
                0,
                start,
                first,
                tf.zeros([batch], tf.bool),
                tf.TensorArray(tf.float32, 0, dynamic_size=True),
            ),
        )
        return {"start": start}, {"logits": ended[4].stack(), "state": ended[1]}

    return in_session(build)
