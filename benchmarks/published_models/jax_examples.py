"""Models of JAX's libraries as their repositories have them, small; they need Flax and Haiku."""

from __future__ import annotations

import importlib
from typing import Any

from rnnlite_pipeline.sources.formats.jax import source_model
from rnnlite_pipeline.sources.model import SourceModel, TensorSpec
from rnnlite_pipeline.toolchain import load, prepare

prepare()
jax: Any = load("jax")
jnp: Any = importlib.import_module("jax.numpy")

WORDS, UNITS = 30, 8


def flax_sst2() -> SourceModel:
    """github.com/google/flax/examples/sst2: sentences reversed by their lengths, attention."""
    nn = importlib.import_module("flax.linen")

    def flipped(x: Any, lengths: Any) -> Any:
        size = x.shape[1]

        def one(rows: Any, length: Any) -> Any:
            return jnp.flip(jnp.roll(rows, size - length, axis=0), axis=0)

        return jax.vmap(one)(x, lengths)

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact
        def __call__(self, tokens: Any, lengths: Any) -> Any:
            x = nn.Embed(WORDS, 10)(tokens)
            ahead = nn.RNN(nn.OptimizedLSTMCell(UNITS))(x)
            back = nn.RNN(nn.OptimizedLSTMCell(UNITS))(flipped(x, lengths))
            y = jnp.concatenate([ahead, flipped(back, lengths)], -1)
            scores = nn.Dense(1, use_bias=False)(jnp.tanh(nn.Dense(6, use_bias=False)(y)))[..., 0]
            inside = jnp.arange(x.shape[1])[None] < lengths[:, None]
            weights = jax.nn.softmax(jnp.where(inside, scores, -jnp.inf))
            context = (weights[:, None] @ y)[:, 0]
            return nn.Dense(1)(jnp.tanh(nn.Dense(6)(context)))

    model = Classifier()
    example = jnp.ones((1, 12), "int32"), jnp.ones((1,), "int32")
    variables = model.init(jax.random.key(0), *example)
    inputs = [TensorSpec("tokens", "int32", (None, 12)), TensorSpec("lengths", "int32", (None,))]
    return source_model(lambda tokens, lengths: model.apply(variables, tokens, lengths), inputs, {})


def flax_seq2seq() -> SourceModel:
    """github.com/google/flax/examples/seq2seq: decodes what it chose last, the likeliest."""
    nn = importlib.import_module("flax.linen")

    class Step(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact
        def __call__(self, carry: Any, _: Any) -> Any:
            state, last = carry
            state, y = nn.LSTMCell(UNITS)(state, last)
            logits = nn.Dense(WORDS)(y)
            return (state, jax.nn.one_hot(jnp.argmax(logits, -1), WORDS)), logits

    class Model(nn.Module):  # type: ignore[misc, name-defined]
        @nn.compact
        def __call__(self, question: Any, lengths: Any, start: Any) -> Any:
            encoder = nn.RNN(nn.LSTMCell(UNITS), return_carry=True)
            state, _ = encoder(question, seq_lengths=lengths)
            scan = nn.scan(
                Step,
                variable_broadcast="params",
                split_rngs={"params": False},
                in_axes=1,
                out_axes=1,
            )
            steps = jnp.zeros((start.shape[0], 5, 1))
            return scan()((state, start), steps)[1]

    model = Model()
    example = jnp.ones((1, 9, WORDS)), jnp.ones((1,), "int32"), jnp.ones((1, WORDS))
    variables = model.init(jax.random.key(0), *example)
    inputs = [
        TensorSpec("question", "float32", (None, 9, WORDS)),
        TensorSpec("lengths", "int32", (None,)),
        TensorSpec("start", "float32", (None, WORDS)),
    ]
    return source_model(
        lambda question, lengths, start: model.apply(variables, question, lengths, start),
        inputs,
        {},
    )


def haiku_rnn() -> SourceModel:
    """github.com/google-deepmind/dm-haiku/examples/rnn: tokens become one-hot in each step."""
    haiku = importlib.import_module("haiku")

    def logits(tokens: Any) -> Any:
        core = haiku.DeepRNN(
            [
                lambda x: jax.nn.one_hot(x, num_classes=WORDS),
                haiku.LSTM(UNITS),
                jax.nn.relu,
                haiku.LSTM(UNITS),
                haiku.nets.MLP([UNITS, WORDS]),
            ]
        )
        return haiku.dynamic_unroll(core, tokens, core.initial_state(tokens.shape[1]))[0]

    pure = haiku.without_apply_rng(haiku.transform(logits))
    variables = pure.init(jax.random.key(0), jnp.zeros((5, 1), "int32"))
    inputs = [TensorSpec("tokens", "int32", (12, None))]
    return source_model(lambda tokens: pure.apply(variables, tokens), inputs, {})
