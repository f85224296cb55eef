"""The graphs that are hammered, by name: parts of every kind, in front of and behind every cell.

A whole product of parts, cells, open and closed axes, lowerings and schemes is too large; each part
in front stands before `EACH` recurrences, and everything else goes round with steps that have no
common divisor, so that pairs differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.hammer.parts import BEHIND, FRONT, RECURRENCES, Author, Part, concatenation
from tests.random_models.keras_models import randomize
from tests.random_models.loop_models import LoopAuthor
from tests.random_models.tf1_models import Tf1Author
from tests.random_models.tf_keras_models import TfKerasAuthor

#: Batch and length; None is open.
SHAPES: dict[str, tuple[int | None, int | None]] = {
    "open": (None, None),
    "length open": (2, None),
    "batch open": (None, 6),
    "closed": (1, 5),
    "one step": (None, 1),
}

LOWERINGS = ("auto", "loop")
SCHEMES = ("none", "none", "dynamic_range", "float16", "int8")

#: The recurrences that each part in front is put before.
EACH = 3


@dataclass(frozen=True)
class Graph:
    """One graph.

    Attributes:
        name: It tells all that is in it.
        source: Writes it.
        recurrent: The config's `recurrent`.
        scheme: The config's `quantization.scheme`.
        targets: The config's `targets`.
    """

    name: str
    source: Callable[[], SourceModel]
    recurrent: dict[str, Any]
    scheme: str = "none"
    targets: tuple[str, ...] = ("litert",)


def keras_source(write: Callable[[Author], Any], shape: str, seed: int = 1) -> SourceModel:
    """A Keras 3 model with random weights."""
    keras = load("keras")
    keras.backend.clear_session()
    author = Author(*SHAPES[shape])
    result = write(author)
    model = keras.Model(author.inputs, [result, *author.outputs])
    randomize(model, seed)
    return source_model(model, {})


def _combined() -> Iterator[Graph]:
    for i, front in enumerate(FRONT):
        for k in range(EACH):
            number = i * EACH + k
            cell = RECURRENCES[(i + 4 * k) % len(RECURRENCES)]
            behind = BEHIND[(3 * i + 5 * k) % len(BEHIND)]
            shape = list(SHAPES)[number % 5] if number % 4 else "open"
            lowering = LOWERINGS[(number // 2) % 2]
            scheme = SCHEMES[(number // 3) % 5] if k else "none"
            yield _in_a_row((front, cell, behind), shape, lowering, scheme)


def _in_a_row(parts: tuple[Part, ...], shape: str, lowering: str, scheme: str) -> Graph:
    def write(a: Author) -> Any:
        x = a.sequence(4)
        for part in parts:
            x = part(a, x)
        return x

    words = ", ".join(part.__name__ for part in parts)
    name = f"{words} ({shape}, {lowering}{'' if scheme == 'none' else f', {scheme}'})"
    return Graph(name, lambda: keras_source(write, shape), {"lowering": lowering}, scheme)


# Models that were wrong


def step_at_a_time(a: Author) -> Any:
    """A GRU over two inputs and a fed state: a step at a time, it was wrong from call 2 on."""
    x = a.layers.Concatenate()([a.sequence(384), a.sequence(128)])
    layer = a.layers.GRU(384, return_sequences=True, return_state=True)
    y, state = layer(x, initial_state=a.vector(384))
    a.outputs.append(state)
    return y


def lpcnet_decoder(a: Author) -> Any:
    """LPCNet's decoder: two GRUs, each over the features and the one before."""
    words = a.layers.Embedding(64, 32)(a.sequence(0, "int32"))
    features = a.sequence(64)
    x = a.layers.Concatenate()([words, features])
    one = a.layers.GRU(128, return_sequences=True, return_state=True)
    y, state_a = one(x, initial_state=a.vector(128))
    two = a.layers.GRU(16, return_sequences=True, return_state=True)
    z, state_b = two(a.layers.Concatenate()([y, features]), initial_state=a.vector(16))
    a.outputs += [state_a, state_b]
    return a.layers.Dense(64, activation="softmax")(z)


def states_of_dense(last: str) -> Callable[[Author], Any]:
    """An LSTM with states from a dense layer, and a recurrence on it: this corrupted the heap."""

    def write(a: Author) -> Any:
        x = a.sequence(3)
        q = a.layers.Dense(4, activation="tanh")(x[:, -1])
        z = a.layers.LSTM(4, return_sequences=True)(x, initial_state=[q, q])
        return _then(a, z, last)

    return write


def encoder_decoder(last: str) -> Callable[[Author], Any]:
    """A BiLSTM encoder, its states put together, an LSTM decoder, and another recurrence on it."""

    def write(a: Author) -> Any:
        encoder = a.layers.Bidirectional(a.layers.LSTM(4, return_state=True))
        _, fh, fc, bh, bc = encoder(a.sequence(3))
        h, c = (a.layers.Concatenate()(pair) for pair in ([fh, bh], [fc, bc]))
        z = a.layers.LSTM(8, return_sequences=True)(a.sequence(5), initial_state=[h, c])
        return _then(a, z, last)

    return write


def _then(a: Author, z: Any, last: str) -> Any:
    if last == "hard":
        return a.layers.LSTM(3, recurrent_activation="hard_sigmoid")(z)
    return getattr(a.layers, last)(3)(z)


def attending_decoder(a: Author) -> Any:
    """A GRU encoder, and a decoder that starts from its state and attends to it."""
    memory, state = a.layers.GRU(8, return_sequences=True, return_state=True)(a.sequence(5))
    y = a.layers.GRU(8, return_sequences=True)(a.sequence(4), initial_state=state)
    seen = a.layers.Attention()([y, memory])
    return a.layers.Dense(6)(a.layers.Concatenate()([y, seen]))


def two_branches(a: Author) -> Any:
    """A convolution and a GRU beside each other, and an LSTM on both."""
    x = a.sequence(4)
    left = a.layers.Conv1D(6, 3, padding="same")(x)
    right = a.layers.GRU(6, return_sequences=True)(x)
    return a.layers.LSTM(8)(a.layers.Concatenate()([left, right]))


def growing_widths(a: Author) -> Any:
    """Recurrences that need more and more room, with a concatenation before each."""
    x = a.sequence(4)
    for units in (8, 32, 96):
        x = a.layers.GRU(units, return_sequences=True)(a.layers.Concatenate()([x, x]))
    return x


def both_directions(cell: str, *, masked: bool = False) -> Callable[[Author], Any]:
    """Two layers that run both ways, each one loop, with a concatenation before and after."""

    def write(a: Author) -> Any:
        x = a.layers.Concatenate()([a.sequence(4), a.sequence(3)])
        x = a.layers.Masking()(x) if masked else x
        for units in (6, 24):
            layer = getattr(a.layers, cell)(units, return_sequences=True)
            x = a.layers.Bidirectional(layer)(x)
        return x

    return write


def _told(name: str, write: Callable[[Author], Any], shape: str = "open", **more: Any) -> Graph:
    scheme = more.pop("scheme", "none")
    recurrent = {"lowering": "auto", **more}
    said = "".join(f", {v}" for v in more.values()) + (f", {scheme}" if scheme != "none" else "")
    named = f"{name} ({shape}{said})"
    return Graph(named, lambda: keras_source(write, shape), recurrent, scheme)


def _wrong_before() -> Iterator[Graph]:
    yield _told("a step at a time", step_at_a_time)
    yield _told("a step at a time", step_at_a_time, "one step")
    yield _told("a step at a time", step_at_a_time, scheme="dynamic_range")
    yield _told("LPCNet's decoder", lpcnet_decoder)
    yield _told("LPCNet's decoder", lpcnet_decoder, scheme="dynamic_range")
    for last in ("GRU", "SimpleRNN", "hard", "LSTM"):
        yield _told(f"states of a dense layer, {last}", states_of_dense(last))
        yield _told(f"encoder and decoder, {last}", encoder_decoder(last))
    yield _told("states of a dense layer, GRU", states_of_dense("GRU"), scheme="int8")
    yield _told("states of a dense layer, GRU", states_of_dense("GRU"), lowering="loop")
    yield _told("encoder and decoder, GRU", encoder_decoder("GRU"), lowering="loop")
    yield _told("attending decoder", attending_decoder)
    yield _told("two branches", two_branches)
    yield _told("growing widths", growing_widths)
    for scheme in ("none", "dynamic_range"):
        yield _told("both directions, GRU", both_directions("GRU"), scheme=scheme)
        masked = both_directions("LSTM", masked=True)
        yield _told("both directions, masked LSTM", masked, scheme=scheme)
    write = both_directions("LSTM")
    yield _told("both directions, LSTM", write, lowering="loop", state="explicit")
    yield _told("both directions, LSTM", write, "length open", lowering="loop")
    for state in ("persist", "explicit"):
        for part in (RECURRENCES[0], RECURRENCES[1]):
            write = _after_concatenation(part)
            yield _told(f"concatenation, {part.__name__}", write, "length open", state=state)


def _after_concatenation(part: Part) -> Callable[[Author], Any]:
    return lambda a: part(a, concatenation(a, a.sequence(4)))


# Of other frameworks


def _others() -> Iterator[Graph]:
    authors: tuple[Any, ...] = (LoopAuthor, TfKerasAuthor, Tf1Author)
    for author in authors:
        for seed in range(3):
            name = f"{author.__name__} {seed}"
            yield Graph(name, _drawn(author, seed), {"lowering": "auto"})


def _drawn(author: Any, seed: int) -> Callable[[], SourceModel]:
    def source() -> SourceModel:
        made: SourceModel = author(random.Random(seed).choice).source()
        return made

    return source


GRAPHS: dict[str, Graph] = {g.name: g for g in (*_wrong_before(), *_combined(), *_others())}

#: Those of the ordinary run: one whose heap was corrupted, one that was wrong in one call of
#: twenty, and one that was wrong as it grew.
SAMPLE = tuple(
    next(name for name in GRAPHS if name.startswith(beginning))
    for beginning in (
        "states of a dense layer, GRU (open)",
        "concatenation_with_itself, stacked",
        "growing widths",
    )
)
