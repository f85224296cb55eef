"""The TensorFlow models repository and its time, small: graphs in control flow of version 1."""

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
    return tf.tensordot(x, w, 1) + v1.get_variable(f"{name}_b", [units])


def _embedded(tokens: Any, name: str = "embedding") -> Any:
    return tf.nn.embedding_lookup(v1.get_variable(name, [WORDS, UNITS]), tokens)


def im2txt() -> SourceModel:
    """tensorflow/models im2txt: an image starts the LSTM; its state is one tensor."""

    def build() -> Built:
        image = v1.placeholder(tf.float32, [None, 12, 12, 3], "image")
        tokens = v1.placeholder(tf.int32, [None], "input_feed")
        fed = v1.placeholder(tf.float32, [None, 2 * UNITS], "state_feed")
        filters = v1.get_variable("conv", [3, 3, 3, 4])
        x = tf.nn.relu(tf.nn.conv2d(image, filters, 2, "SAME"))
        seen = _dense(tf.reduce_mean(x, [1, 2]), UNITS, "image")
        cell = cells.BasicLSTMCell(UNITS)
        word, (c, h) = _embedded(tokens), tf.split(fed, 2, 1)
        with v1.variable_scope("lstm") as scope:
            _, first = cell(seen, cell.zero_state(tf.shape(image)[0], tf.float32))
            scope.reuse_variables()
            y, new = cell(word, (c, h))
        outputs = {"initial_state": tf.concat(list(first), 1), "state": tf.concat(list(new), 1)}
        outputs["softmax"] = tf.nn.softmax(_dense(y, WORDS, "logits"))
        return {"image": image, "input_feed": tokens, "state_feed": fed}, outputs

    return in_session(build)


def lm_1b() -> SourceModel:
    """tensorflow/models lm_1b: character convolutions, LSTMs with projections, a large softmax."""

    def build() -> Built:
        chars = v1.placeholder(tf.int32, [None, 10, 6], "char_inputs")
        table = v1.get_variable("char_embedding", [16, 4])
        x = tf.reshape(tf.nn.embedding_lookup(table, chars), [-1, 6, 4])
        pooled = [
            tf.reduce_max(
                tf.nn.relu(tf.nn.conv1d(x, v1.get_variable(f"c{w}", [w, 4, 4]), 1, "VALID")), 1
            )
            for w in (1, 2, 3)
        ]
        y = tf.concat(pooled, 1)
        carry = tf.sigmoid(_dense(y, 12, "carry") - 2.0)
        y = carry * tf.nn.relu(_dense(y, 12, "high")) + (1.0 - carry) * y
        y = tf.reshape(_dense(y, UNITS, "proj"), [-1, 10, UNITS])
        stack = [
            cells.LSTMCell(2 * UNITS, num_proj=UNITS, use_peepholes=True, cell_clip=3.0)
            for _ in range(2)
        ]
        y, state = v1.nn.dynamic_rnn(cells.MultiRNNCell(stack), y, dtype=tf.float32)
        outputs = {f"s{k}": s for k, s in enumerate(tf.nest.flatten(state))}
        return {"chars": chars}, {"softmax": tf.nn.softmax(_dense(y, WORDS, "logits")), **outputs}

    return in_session(build)


def namignizer() -> SourceModel:
    """tensorflow/models namignizer: two LSTMs over the letters of a name, with static_rnn."""

    def build() -> Built:
        names = v1.placeholder(tf.int32, [None, 8], "names")
        cell = cells.MultiRNNCell([cells.BasicLSTMCell(UNITS, forget_bias=0.0) for _ in range(2)])
        steps = tf.unstack(_embedded(names), axis=1)
        made, state = v1.nn.static_rnn(cell, steps, dtype=tf.float32)
        logits = _dense(tf.reshape(tf.concat(made, 1), [-1, UNITS]), WORDS, "out")
        outputs = {f"s{k}": s for k, s in enumerate(tf.nest.flatten(state))}
        return {"names": names}, {"probabilities": tf.nn.softmax(logits), **outputs}

    return in_session(build)


def skip_thoughts() -> SourceModel:
    """tensorflow/models skip_thoughts: layer-normalized GRUs, both ways, by sentence lengths."""

    def build() -> Built:
        tokens = v1.placeholder(tf.int32, [None, None], "tokens")
        mask = v1.placeholder(tf.int32, [None, None], "mask")

        class Cell(cells.RNNCell):  # type: ignore[misc, name-defined]
            state_size = output_size = UNITS

            def call(self, x: Any, h: Any) -> tuple[Any, Any]:
                def norm(value: Any, name: str) -> Any:
                    mean, variance = tf.nn.moments(value, [1], keepdims=True)
                    scale = v1.get_variable(f"{name}_g", [value.shape[-1]])
                    shift = v1.get_variable(f"{name}_b", [value.shape[-1]])
                    return (value - mean) * tf.math.rsqrt(variance + 1e-5) * (1.0 + scale) + shift

                w_x = v1.get_variable("w_x", [UNITS, 2 * UNITS])
                w_h = v1.get_variable("w_h", [UNITS, 2 * UNITS])
                gates = norm(tf.matmul(x, w_x), "x") + norm(tf.matmul(h, w_h), "h")
                r, u = tf.split(tf.sigmoid(gates), 2, 1)
                u_x = tf.matmul(x, v1.get_variable("u_x", [UNITS, UNITS]))
                u_h = tf.matmul(h, v1.get_variable("u_h", [UNITS, UNITS]))
                new = tf.tanh(norm(u_x, "ux") + r * norm(u_h, "uh"))
                h = (1.0 - u) * h + u * new
                return h, h

        lengths = tf.reduce_sum(mask, 1)
        _, states = v1.nn.bidirectional_dynamic_rnn(
            Cell(), Cell(), _embedded(tokens), lengths, dtype=tf.float32
        )
        return {"tokens": tokens, "mask": mask}, {"thoughts": tf.concat(states, 1)}

    return in_session(build)


def attention_ocr() -> SourceModel:
    """tensorflow/models attention_ocr: a decoder over positions of an image, written out."""

    def build() -> Built:
        image = v1.placeholder(tf.float32, [None, 12, 24, 3], "image")
        x = tf.nn.relu(tf.nn.conv2d(image, v1.get_variable("k", [3, 3, 3, 6]), 2, "SAME"))
        places = tf.reshape(tf.range(6)[:, None] * tf.ones([1, 12], tf.int32), [-1])
        onehot = tf.tile(tf.one_hot(places, 6)[None], [tf.shape(image)[0], 1, 1])
        memory = tf.concat([tf.reshape(x, [-1, 72, 6]), onehot], 2)
        memory.set_shape([None, 72, 12])
        keys = _dense(memory, UNITS, "keys")
        cell = cells.LSTMCell(UNITS)
        state, char = cell.zero_state(tf.shape(image)[0], tf.float32), None
        context = tf.zeros([tf.shape(image)[0], 12])
        context.set_shape([None, 12])
        made = []
        for step in range(4):
            with v1.variable_scope("decoder", reuse=step > 0):
                zero = tf.zeros([tf.shape(image)[0], WORDS])
                zero.set_shape([None, WORDS])
                last = zero if char is None else tf.one_hot(tf.argmax(char, 1), WORDS)
                y, state = cell(_dense(tf.concat([last, context], 1), UNITS, "in"), state)
                query = tf.expand_dims(_dense(tf.concat(list(state), 1), UNITS, "query"), 1)
                scores = tf.reduce_sum(v1.get_variable("v", [UNITS]) * tf.tanh(keys + query), 2)
                weights = tf.nn.softmax(scores)
                context = tf.reduce_sum(weights[..., None] * memory, 1)
                char = _dense(tf.concat([y, context], 1), WORDS, "char")
                made.append(char)
        return {"image": image}, {"logits": tf.stack(made, 1)}

    return in_session(build)


def street_vgsl() -> SourceModel:
    """tensorflow/models street: VGSL specs, an LSTM up each column, then along the line."""

    def build() -> Built:
        image = v1.placeholder(tf.float32, [None, 12, 20, 3], "image")
        x = tf.nn.tanh(tf.nn.conv2d(image, v1.get_variable("k", [3, 3, 3, 4]), 1, "SAME"))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        columns = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, 6, 4])
        with v1.variable_scope("up"):
            up, _ = v1.nn.dynamic_rnn(cells.BasicLSTMCell(UNITS), columns, dtype=tf.float32)
        line = tf.reshape(up[:, -1], [-1, 10, UNITS])
        with v1.variable_scope("right"):
            right, _ = v1.nn.dynamic_rnn(cells.BasicLSTMCell(UNITS), line, dtype=tf.float32)
        with v1.variable_scope("left"):
            left, _ = v1.nn.dynamic_rnn(
                cells.BasicLSTMCell(UNITS), tf.reverse(right, [1]), dtype=tf.float32
            )
        logits = _dense(tf.reverse(left, [1]), WORDS, "out")
        return {"image": image}, {"softmax": tf.nn.softmax(logits)}

    return in_session(build)


def learning_to_remember() -> SourceModel:
    """tensorflow/models learning_to_remember_rare_events: the nearest of many keys, on an LSTM."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [None, 7, 5], "x")
        y, _ = v1.nn.dynamic_rnn(cells.LSTMCell(UNITS), x, dtype=tf.float32)
        query = tf.nn.l2_normalize(_dense(y[:, -1], UNITS, "query"), 1)
        keys = tf.nn.l2_normalize(v1.get_variable("keys", [12, UNITS]), 1)
        values = v1.get_variable("values", [12, 4])
        close = tf.matmul(query, keys, transpose_b=True)
        top, place = tf.nn.top_k(close, 3)
        found = tf.gather(values, place)
        weights = tf.nn.softmax(5.0 * top)
        return {"x": x}, {"y": tf.reduce_sum(weights[..., None] * found, 1), "similarity": top}

    return in_session(build)


def legacy_attention_seq2seq() -> SourceModel:
    """tensorflow/models translate: embedding_attention_seq2seq of tf.contrib.legacy_seq2seq."""

    def build() -> Built:
        question = v1.placeholder(tf.int32, [None, 6], "question")
        cell = cells.GRUCell(UNITS)
        with v1.variable_scope("encoder"):
            steps = tf.unstack(_embedded(question), axis=1)
            made, state = v1.nn.static_rnn(cell, steps, dtype=tf.float32)
        memory = tf.stack(made, 1)
        hidden = tf.reshape(memory, [-1, 6, 1, UNITS])
        keys = tf.nn.conv2d(hidden, v1.get_variable("attn_w", [1, 1, UNITS, UNITS]), 1, "SAME")
        attention = tf.zeros_like(state)
        decoder, symbol, logits = cells.GRUCell(UNITS), None, []
        for step in range(5):
            with v1.variable_scope("decoder", reuse=step > 0):
                last = _embedded(
                    tf.zeros([tf.shape(question)[0]], tf.int32) if symbol is None else symbol, "out"
                )
                x = _dense(tf.concat([last, attention], 1), UNITS, "x")
                y, state = decoder(x, state)
                query = tf.reshape(_dense(state, UNITS, "q"), [-1, 1, 1, UNITS])
                scores = tf.reduce_sum(
                    v1.get_variable("v", [UNITS]) * tf.tanh(keys + query), [2, 3]
                )
                weights = tf.reshape(tf.nn.softmax(scores), [-1, 6, 1, 1])
                attention = tf.reshape(tf.reduce_sum(weights * hidden, [1, 2]), [-1, UNITS])
                output = _dense(_dense(tf.concat([y, attention], 1), UNITS, "o"), WORDS, "logits")
                symbol = tf.argmax(output, 1, output_type=tf.int32)
                logits.append(output)
        return {"question": question}, {"logits": tf.stack(logits, 1)}

    return in_session(build)


def gnmt_attention() -> SourceModel:
    """github.com/tensorflow/nmt gnmt_v2: the first layer's attention feeds all others."""

    def build() -> Built:
        memory = v1.placeholder(tf.float32, [None, 9, UNITS], "memory")
        lengths = v1.placeholder(tf.int32, [None], "lengths")
        target = v1.placeholder(tf.int32, [None, 7], "target")
        first, rest = cells.BasicLSTMCell(UNITS), [cells.BasicLSTMCell(UNITS) for _ in range(2)]
        keys, query = _dense(memory, UNITS, "keys"), v1.get_variable("query", [UNITS, UNITS])
        v = v1.get_variable("v", [UNITS])
        inside = tf.sequence_mask(lengths, 9)

        class Cell(cells.RNNCell):  # type: ignore[misc, name-defined]
            state_size = ((UNITS, UNITS),) * 3 + (UNITS,)
            output_size = UNITS

            def call(self, x: Any, state: Any) -> tuple[Any, Any]:
                *states, attention = state
                y, new = first(tf.concat([x, attention], 1), cells.LSTMStateTuple(*states[0]))
                scores = tf.reduce_sum(v * tf.tanh(keys + tf.matmul(y, query)[:, None]), 2)
                scores = tf.where(inside, scores, tf.fill(tf.shape(scores), -1e9))
                attention = tf.reduce_sum(tf.nn.softmax(scores)[..., None] * memory, 1)
                made = [new]
                for cell, own in zip(rest, states[1:], strict=True):
                    z, new = cell(tf.concat([y, attention], 1), cells.LSTMStateTuple(*own))
                    y = y + z if made[1:] else z
                    made.append(new)
                return y, (*map(tuple, made), attention)

        y, _ = v1.nn.dynamic_rnn(Cell(), _embedded(target), dtype=tf.float32)
        inputs = {"memory": memory, "lengths": lengths, "target": target}
        return inputs, {"logits": _dense(y, WORDS, "out")}

    return in_session(build)


def openai_baselines_policy() -> SourceModel:
    """github.com/openai/baselines a2c: an LSTM written out, masks reset its joined state."""

    def build() -> Built:
        observed = v1.placeholder(tf.float32, [None, 5, 6], "observed")
        masks = v1.placeholder(tf.float32, [None, 5], "masks")
        state = v1.placeholder(tf.float32, [None, 2 * UNITS], "states")
        x = tf.tanh(_dense(observed, UNITS, "fc"))
        w_x, w_h = (v1.get_variable(n, [UNITS, 4 * UNITS]) for n in ("wx", "wh"))
        b = v1.get_variable("b", [4 * UNITS])
        c, h = tf.split(state, 2, 1)
        made = []
        for step in range(5):
            keep = 1.0 - masks[:, step : step + 1]
            c, h = c * keep, h * keep
            i, f, o, u = tf.split(tf.matmul(x[:, step], w_x) + tf.matmul(h, w_h) + b, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(u)
            h = tf.sigmoid(o) * tf.tanh(c)
            made.append(h)
        y = tf.stack(made, 1)
        outputs = {"pi": _dense(y, 3, "pi"), "vf": _dense(y, 1, "vf"), "snew": tf.concat([c, h], 1)}
        return {"observed": observed, "masks": masks, "states": state}, outputs

    return in_session(build)


def drqn() -> SourceModel:
    """Hausknecht and Stone 2015, DRQN: convolutions on each frame, an LSTM over a trace."""

    def build() -> Built:
        batch, trace = 2, 4  # fixed: frames come as so many traces
        frames = v1.placeholder(tf.float32, [batch * trace, 10, 10, 3], "frames")
        c, h = (v1.placeholder(tf.float32, [batch, UNITS], n) for n in "ch")
        x = tf.nn.relu(tf.nn.conv2d(frames, v1.get_variable("k", [4, 4, 3, 4]), 2, "VALID"))
        rows = tf.reshape(x, [batch, trace, 64])
        with v1.variable_scope("rnn"):
            y, new = v1.nn.dynamic_rnn(
                cells.BasicLSTMCell(UNITS), rows, initial_state=cells.LSTMStateTuple(c, h)
            )
        advantage, value = tf.split(tf.reshape(y, [-1, UNITS]), 2, 1)
        a, v = _dense(advantage, 3, "a"), _dense(value, 1, "v")
        q = v + a - tf.reduce_mean(a, 1, keepdims=True)
        return {"frames": frames, "c": c, "h": h}, {"q": q, "c_out": new[0], "h_out": new[1]}

    return in_session(build)


def tagger_with_viterbi() -> SourceModel:
    """github.com/guillaumegenthial/sequence_tagging: characters, a tagger, Viterbi's decoding."""

    def build() -> Built:
        words = v1.placeholder(tf.int32, [None, 8], "words")
        lengths = v1.placeholder(tf.int32, [None], "lengths")
        made, _ = v1.nn.bidirectional_dynamic_rnn(
            cells.LSTMCell(UNITS),
            cells.LSTMCell(UNITS),
            _embedded(words),
            lengths,
            dtype=tf.float32,
        )
        tags = 4
        scores = _dense(tf.concat(made, 2), tags, "scores")
        moves = v1.get_variable("moves", [tags, tags])
        best, back = scores[:, 0], []
        for step in range(1, 8):
            ways = best[:, :, None] + moves
            back.append(tf.argmax(ways, 1, output_type=tf.int32))
            new = scores[:, step] + tf.reduce_max(ways, 1)
            best = tf.where(tf.tile((step < lengths)[:, None], [1, tags]), new, best)
        last = tf.argmax(best, 1, output_type=tf.int32)
        path = [last]
        for step in range(6, -1, -1):
            taken = tf.gather(back[step], path[0], batch_dims=1)
            path.insert(0, tf.where(step + 1 < lengths, taken, path[0]))
        return {"words": words, "lengths": lengths}, {"tags": tf.stack(path, 1), "score": best}

    return in_session(build)


def beam_search() -> SourceModel:
    """tensor2tensor's beam search over a GRU decoder: the likeliest beams gathered in each step."""

    def build() -> Built:
        start = v1.placeholder(tf.float32, [None, UNITS], "start")
        cell, beams, steps = cells.GRUCell(UNITS), 3, 5
        table, w = v1.get_variable("table", [WORDS, UNITS]), v1.get_variable("w", [UNITS, WORDS])
        batch = tf.shape(start)[0]
        h = tf.tile(start[:, None], [1, beams, 1])
        tokens = tf.zeros([batch, beams], tf.int32)
        scores = tf.tile(tf.constant([[0.0, -1e9, -1e9]]), [batch, 1])

        def body(t: Any, h: Any, tokens: Any, scores: Any, kept: Any) -> list[Any]:
            x = tf.nn.embedding_lookup(table, tf.reshape(tokens, [-1]))
            y, new = cell(x, tf.reshape(h, [-1, UNITS]))
            logs = tf.nn.log_softmax(tf.matmul(y, w))
            total = scores[..., None] + tf.reshape(logs, [-1, beams, WORDS])
            scores, place = tf.nn.top_k(tf.reshape(total, [-1, beams * WORDS]), beams)
            parent, tokens = place // WORDS, place % WORDS
            h = tf.gather(tf.reshape(new, [-1, beams, UNITS]), parent, batch_dims=1)
            kept = tf.gather(kept, parent, batch_dims=1)
            kept = tf.concat([kept[:, :, 1:], tokens[..., None]], 2)
            return [t + 1, h, tokens, scores, kept]

        shapes = [
            tf.TensorShape([]),
            tf.TensorShape([None, beams, UNITS]),
            tf.TensorShape([None, beams]),
            tf.TensorShape([None, beams]),
            tf.TensorShape([None, beams, steps]),
        ]
        kept = tf.zeros([batch, beams, steps], tf.int32)
        ended = v1.while_loop(
            lambda t, *_: t < steps,
            body,
            [tf.constant(0), h, tokens, scores, kept],
            shape_invariants=shapes,
        )
        return {"start": start}, {"scores": ended[3], "tokens": ended[4]}

    return in_session(build)


def streaming_gru_keywords() -> SourceModel:
    """github.com/google-research/kws_streaming: a GRU on frames, its state a variable."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [1, 1, 10], "frame")
        state = v1.get_variable("gru_state", [1, UNITS], use_resource=True)
        y, new = cells.GRUCell(UNITS)(x[:, 0], state)
        with tf.control_dependencies([state.assign(new)]):
            y = tf.identity(y)
        return {"frame": x}, {"softmax": tf.nn.softmax(_dense(y, 4, "out"))}

    return in_session(build)


def streaming_svdf_keywords() -> SourceModel:
    """github.com/google-research/kws_streaming: SVDF layers, their memories inputs and outputs."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [None, 1, 10], "frame")
        memory, states, outputs, y = 6, {}, {}, x[:, 0]
        for k in range(2):
            old = v1.placeholder(tf.float32, [None, memory, UNITS], f"state_{k}")
            feature = tf.matmul(y, v1.get_variable(f"f{k}", [y.shape[-1], UNITS]))
            new = tf.concat([old[:, 1:], feature[:, None]], 1)
            time = v1.get_variable(f"t{k}", [memory, UNITS])
            bias = v1.get_variable(f"b{k}", [UNITS])
            y = tf.nn.relu(tf.reduce_sum(new * time, 1) + bias)
            states[f"state_{k}"], outputs[f"state_{k}_out"] = old, new
        softmax = tf.nn.softmax(_dense(y, 4, "out"))
        return {"frame": x, **states}, {"softmax": softmax, **outputs}

    return in_session(build)


def streaming_crnn_keywords() -> SourceModel:
    """github.com/google-research/kws_streaming: CRNN, ring buffers before its convolution."""

    def build() -> Built:
        x = v1.placeholder(tf.float32, [None, 1, 10], "frame")
        ring = v1.placeholder(tf.float32, [None, 3, 10, 1], "ring")
        h = v1.placeholder(tf.float32, [None, UNITS], "gru")
        joined = tf.concat([ring[:, 1:], x[..., None]], 1)
        y = tf.nn.conv2d(joined, v1.get_variable("k", [3, 4, 1, 4]), [1, 1, 2, 1], "VALID")
        flat = tf.reshape(tf.nn.relu(y), [-1, 16])
        out, new = cells.GRUCell(UNITS)(flat, h)
        outputs = {"softmax": tf.nn.softmax(_dense(out, 4, "out")), "ring_out": joined}
        return {"frame": x, "ring": ring, "gru": h}, {**outputs, "gru_out": new}

    return in_session(build)


def temporal_fusion() -> SourceModel:
    """Lim et al. 2019, temporal fusion transformer: gates, chosen variables, LSTMs, attention."""

    def build() -> Built:
        past = v1.placeholder(tf.float32, [None, 9, 3], "past")
        future = v1.placeholder(tf.float32, [None, 4, 2], "future")
        static = v1.placeholder(tf.float32, [None, 2], "static")

        def normed(x: Any, name: str) -> Any:
            mean, variance = tf.nn.moments(x, [-1], keepdims=True)
            scale = v1.get_variable(f"{name}_n", [UNITS])
            return (x - mean) * tf.math.rsqrt(variance + 1e-3) * (1.0 + scale)

        def gated(x: Any, skip: Any, name: str) -> Any:
            a, b = tf.split(_dense(x, 2 * UNITS, f"{name}_g"), 2, -1)
            return normed(skip + tf.sigmoid(a) * b, name)

        def residual(x: Any, name: str, context: Any = None) -> Any:
            y = _dense(x, UNITS, f"{name}_1")
            if context is not None:
                y += _dense(context, UNITS, f"{name}_c")
            return gated(_dense(tf.nn.elu(y), UNITS, f"{name}_2"), _dense(x, UNITS, name), name)

        def chosen(x: Any, name: str, context: Any) -> Any:
            count = int(x.shape[-1])
            each = [residual(x[..., k : k + 1], f"{name}_{k}") for k in range(count)]
            weights = tf.nn.softmax(_dense(residual(x, f"{name}_w", context), count, f"{name}_s"))
            return tf.reduce_sum(weights[..., None, :] * tf.stack(each, -1), -1)

        context = residual(static, "static")
        wide = context[:, None]
        before, after = chosen(past, "past", wide), chosen(future, "future", wide)
        start = residual(context, "c"), residual(context, "h")
        with v1.variable_scope("encoder"):
            made, state = v1.nn.dynamic_rnn(
                cells.LSTMCell(UNITS), before, initial_state=cells.LSTMStateTuple(*start)
            )
        with v1.variable_scope("decoder"):
            later, _ = v1.nn.dynamic_rnn(cells.LSTMCell(UNITS), after, initial_state=state)
        y = gated(tf.concat([made, later], 1), tf.concat([before, after], 1), "lstm")
        y = residual(y, "enriched", wide)
        q, k = _dense(y, UNITS, "q"), _dense(y, UNITS, "k")
        mask = tf.linalg.band_part(tf.ones([13, 13]), -1, 0)
        scores = tf.matmul(q, k, transpose_b=True) * UNITS**-0.5 - 1e9 * (1.0 - mask)
        y = gated(tf.matmul(tf.nn.softmax(scores), _dense(y, UNITS, "v")), y, "attention")
        quantiles = _dense(residual(y, "last")[:, 9:], 3, "quantiles")
        return {"past": past, "future": future, "static": static}, {"quantiles": quantiles}

    return in_session(build)
