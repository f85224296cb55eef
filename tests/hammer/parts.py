"""What users put in front of, between and behind recurrences, written with Keras 3.

Each part takes a sequence [B, T, F] and gives another one; a few of those that stand behind give
[B, F]. T and B may be open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rnnlite_pipeline.toolchain import load


@dataclass
class Author:
    """A model that is being written.

    Attributes:
        batch: The batch, or None where it is open.
        length: T, or None where it is open.
        inputs: Its inputs so far.
        outputs: Its outputs besides the last part's.
    """

    batch: int | None
    length: int | None
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    @property
    def layers(self) -> Any:
        """keras.layers."""
        return load("keras").layers

    @property
    def ops(self) -> Any:
        """keras.ops."""
        return load("keras").ops

    def sequence(self, features: int, dtype: str = "float32") -> Any:
        """An input [B, T, F]; [B, T] where `features` is 0."""
        return self._input((self.length, features) if features else (self.length,), dtype)

    def vector(self, features: int) -> Any:
        """An input [B, F]."""
        return self._input((features,), "float32")

    def _input(self, shape: tuple[int | None, ...], dtype: str) -> Any:
        name = f"input_{len(self.inputs)}"
        made = load("keras").Input(shape, batch_size=self.batch, dtype=dtype, name=name)
        self.inputs.append(made)
        return made


#: A part: a sequence becomes a sequence.
Part: TypeAlias = Callable[[Author, Any], Any]


def _steps(x: Any, times: int = 1) -> int:
    """T of a sequence for a Reshape; -1 where it is open."""
    return -1 if x.shape[1] is None else times * x.shape[1]


def concatenation(a: Author, x: Any) -> Any:
    """With another input."""
    return a.layers.Concatenate()([x, a.sequence(5)])


def concatenation_with_itself(a: Author, x: Any) -> Any:
    """With what a dense layer made of it."""
    return a.layers.Concatenate()([a.layers.Dense(7)(x), x])


def concatenation_in_time(a: Author, x: Any) -> Any:
    """Behind itself, in time."""
    return a.layers.Concatenate(axis=1)([x, x])


def split(a: Author, x: Any) -> Any:
    """In halves, which change places."""
    one, two = a.ops.split(a.layers.Dense(8)(x), 2, axis=-1)
    return a.ops.concatenate([two, one], axis=-1)


def split_to_columns(a: Author, x: Any) -> Any:
    """In single columns, each by itself."""
    parts = a.ops.split(a.layers.Dense(3)(x), 3, axis=-1)
    return a.ops.concatenate([parts[2] * parts[0], parts[1], parts[0]], axis=-1)


def split_v(a: Author, x: Any) -> Any:
    """In parts of different widths."""
    one, two, three = a.ops.split(a.layers.Dense(9)(x), [2, 6], axis=-1)
    return a.ops.concatenate([three, one, a.ops.tanh(two)], axis=-1)


def reshape(a: Author, x: Any) -> Any:
    """Two steps for each step, of half the width."""
    return a.layers.Reshape((_steps(x, 2), 4))(a.layers.Dense(8)(x))


def transpose(a: Author, x: Any) -> Any:
    """To time-major, something there, and back."""
    swapped = a.ops.transpose(x, (1, 0, 2))
    return a.ops.transpose(a.ops.tanh(swapped) + swapped, (1, 0, 2))


def heads(a: Author, x: Any) -> Any:
    """Features in two heads, transposed and put together again."""
    split_ = a.layers.Reshape((_steps(x), 2, 4))(a.layers.Dense(8)(x))
    turned = a.ops.transpose(split_, (0, 1, 3, 2))
    return a.layers.Reshape((_steps(x), 8))(turned)


def strided_slice(a: Author, x: Any) -> Any:
    """Every second step, without the first feature."""
    del a
    return x[:, ::2, 1:]


def reversed_in_time(a: Author, x: Any) -> Any:
    """From the last step to the first."""
    return a.ops.flip(x, axis=1)


def padding(a: Author, x: Any) -> Any:
    """Steps of zeros on both sides."""
    return a.layers.ZeroPadding1D(2)(x)


def convolution(a: Author, x: Any) -> Any:
    """Causal, in time."""
    return a.layers.Conv1D(6, 3, padding="causal", activation="relu")(x)


def strided_convolution(a: Author, x: Any) -> Any:
    """Half as many steps."""
    return a.layers.Conv1D(6, 3, strides=2, padding="same")(x)


def convolution_2d(a: Author, x: Any) -> Any:
    """Over time and features, pooled over features."""
    image = a.ops.expand_dims(a.layers.Dense(8)(x), -1)
    image = a.layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    image = a.layers.MaxPooling2D((1, 2))(image)
    return a.layers.Reshape((_steps(x), 12))(image)


def normalization(a: Author, x: Any) -> Any:
    """LayerNormalization."""
    return a.layers.LayerNormalization()(x)


def attention(a: Author, x: Any) -> Any:
    """Self-attention with two heads."""
    return a.layers.MultiHeadAttention(2, 4)(x, x)


def residual(a: Author, x: Any) -> Any:
    """A dense layer beside a way around it."""
    y = a.layers.Dense(6)(x)
    return a.layers.Add()([y, a.layers.Dense(6, activation="tanh")(y)])


def mask(a: Author, x: Any) -> Any:
    """Steps of zeros are skipped."""
    return a.layers.Masking(0.0)(a.layers.ReLU()(x))


def embedding(a: Author, x: Any) -> Any:
    """A vector for each of a sequence of words, beside the features."""
    words = a.layers.Embedding(11, 6)(a.sequence(0, "int32"))
    return a.layers.Concatenate()([words, x])


def time_distributed(a: Author, x: Any) -> Any:
    """A dense layer at each step."""
    return a.layers.TimeDistributed(a.layers.Dense(6, activation="relu"))(x)


def context(a: Author, x: Any) -> Any:
    """The mean over time, repeated at each step."""
    mean = a.ops.mean(x, axis=1, keepdims=True)
    return a.layers.Concatenate()([x, a.ops.zeros_like(x) + mean])


def nothing(a: Author, x: Any) -> Any:
    """The sequence as it is."""
    del a
    return x


def dense(a: Author, x: Any) -> Any:
    """A wide dense layer: more room than what stands before it."""
    return a.layers.Dense(64, activation="tanh")(x)


def last_step(a: Author, x: Any) -> Any:
    """The last step alone."""
    return a.layers.Dense(4)(x[:, -1])


def pooled(a: Author, x: Any) -> Any:
    """The largest value over time, and probabilities."""
    return a.layers.Dense(4, activation="softmax")(a.layers.GlobalMaxPooling1D()(x))


FRONT: tuple[Part, ...] = (
    concatenation,
    concatenation_with_itself,
    concatenation_in_time,
    split,
    split_to_columns,
    split_v,
    reshape,
    transpose,
    heads,
    strided_slice,
    reversed_in_time,
    padding,
    convolution,
    strided_convolution,
    convolution_2d,
    normalization,
    attention,
    residual,
    mask,
    embedding,
    time_distributed,
    context,
)

BEHIND: tuple[Part, ...] = (
    nothing,
    dense,
    concatenation_with_itself,
    last_step,
    split_to_columns,
    attention,
    reshape,
    pooled,
    normalization,
    heads,
    convolution,
)


# Recurrences


def lstm(a: Author, x: Any) -> Any:
    """LSTM."""
    return a.layers.LSTM(12, return_sequences=True)(x)


def gru(a: Author, x: Any) -> Any:
    """GRU."""
    return a.layers.GRU(12, return_sequences=True)(x)


def gru_reset_before(a: Author, x: Any) -> Any:
    """GRU as first published."""
    return a.layers.GRU(12, return_sequences=True, reset_after=False)(x)


def simple_rnn(a: Author, x: Any) -> Any:
    """SimpleRNN."""
    return a.layers.SimpleRNN(12, return_sequences=True)(x)


def both_lstm(a: Author, x: Any) -> Any:
    """LSTM in both directions."""
    return a.layers.Bidirectional(a.layers.LSTM(8, return_sequences=True))(x)


def both_gru(a: Author, x: Any) -> Any:
    """GRU in both directions."""
    return a.layers.Bidirectional(a.layers.GRU(8, return_sequences=True))(x)


def stacked(a: Author, x: Any) -> Any:
    """A GRU on an LSTM."""
    return gru(a, lstm(a, x))


def hard_lstm(a: Author, x: Any) -> Any:
    """An LSTM with the gates that no fused op has."""
    cell = a.layers.LSTM(12, return_sequences=True, recurrent_activation="hard_sigmoid")
    return cell(x)


def fed_states(a: Author, x: Any) -> Any:
    """An LSTM whose states are inputs and outputs."""
    layer = a.layers.LSTM(12, return_sequences=True, return_state=True)
    y, h, c = layer(x, initial_state=[a.vector(12), a.vector(12)])
    a.outputs += [h, c]
    return y


def computed_states(a: Author, x: Any) -> Any:
    """A GRU whose state is computed from the sequence."""
    first = a.layers.Dense(12, activation="tanh")(x[:, -1])
    return a.layers.GRU(12, return_sequences=True)(x, initial_state=first)


def state_to_state(a: Author, x: Any) -> Any:
    """A SimpleRNN that starts from where a GRU ended."""
    y, state = a.layers.GRU(12, return_sequences=True, return_state=True)(x)
    layer = a.layers.SimpleRNN(12, return_sequences=True)
    return layer(a.layers.Concatenate()([y, x]), initial_state=state)


RECURRENCES: tuple[Part, ...] = (
    lstm,
    gru,
    simple_rnn,
    both_lstm,
    hard_lstm,
    stacked,
    gru_reset_before,
    computed_states,
    both_gru,
    fed_states,
    state_to_state,
)
