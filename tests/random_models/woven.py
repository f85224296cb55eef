"""Keras 3 models at random as users wire them: several sequences and states, and where they meet.

A model is a pool of sequences [B, T, F]. Each act takes one, and adds what it makes of it: an
operator, a recurrence, a recurrence over parts of a sequence, an encoder and its decoder. What an
act needs of another sequence, of a state or of an input, it draws from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rnnlite_pipeline.sources.formats.keras import source_model
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.toolchain import load
from tests.hammer.parts import FRONT, Author, Part, concatenation, embedding, strided_slice
from tests.random_models.keras_models import randomize

#: Parts after which a sequence has another length, and how many steps it has then.
LENGTH_CHANGES: dict[str, Callable[[int], int]] = {
    "concatenation_in_time": lambda steps: 2 * steps,
    "reshape": lambda steps: 2 * steps,
    "strided_slice": lambda steps: -(-steps // 2),
    "padding": lambda steps: steps + 4,
    "strided_convolution": lambda steps: -(-steps // 2),
}

#: Parts that add an input, which is as long as the first one.
WITH_INPUT: tuple[Part, ...] = (concatenation, embedding)

#: Slices of a sequence.
SLICES = {
    "even": slice(None, None, 2),
    "odd": slice(1, None, 2),
    "from the end": slice(None, None, -1),
    "but the first": slice(1, None),
    "but the last": slice(None, -1),
    "the last but one": slice(-2, -1),
}

ACTS = (
    "part",
    "part",
    "part",
    "recurrence",
    "recurrence",
    "recurrence",
    "seq2seq",
    "chunks",
    "strides",
    "windows",
    "shared",
    "masked",
    "added",
    "attended",
    "repeated",
    "cells",
)


#: Acts of which each has a recurrence; a model has one of them at least.
RECURRENT = frozenset({"recurrence", "seq2seq", "chunks", "windows", "shared", "cells"})


@dataclass(frozen=True)
class Member:
    """A sequence of the pool.

    Attributes:
        tensor: [B, T, F].
        length: A number for each length that sequences have: those of one number are as long.
        fewest: The fewest steps that it may have.
    """

    tensor: Any
    length: int
    fewest: int


@dataclass
class WovenAuthor(Author):
    """Writes one model. It is what the parts of `tests/hammer/parts.py` ask of their author.

    Attributes:
        choose: Draws one of the options.
        story: What was written, an act a line.
        pool: The sequences so far.
        states: The states [B, units] so far.
        fewest: The fewest steps that the inputs may have.
        variables: The model's weights.
        acts: What it may do.
        recurrent: Those of the acts that have a recurrence.
    """

    acts: ClassVar[Sequence[str]] = ACTS
    recurrent: ClassVar[frozenset[str]] = RECURRENT

    choose: Callable[[Sequence[Any]], Any] = field(default=lambda options: options[0])
    time_major: bool = False
    story: list[str] = field(default_factory=list)
    pool: list[Member] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    lengths: int = 0
    fewest: int = 1
    variables: list[Any] = field(default_factory=list)

    def source(self) -> SourceModel:
        """The model with random weights."""
        keras = load("keras")
        keras.backend.clear_session()
        self.batch = self.choose([None, None, None, 1, 3])
        self.length = self.choose([None, None, None, None, 1, 3, 6])
        self.fewest = self.length or self.choose([1, 1, 3])
        self.story.append(f"batch {self.batch}, length {self.length}, at least {self.fewest}")
        self._add(self.sequence(self.choose([2, 4, 5])), self.fewest, 0)
        acts = [self.choose(self.acts) for _ in range(self.choose([2, 3, 4, 5]))]
        if not self.recurrent & set(acts):
            acts.append("recurrence")
        for act in acts:
            self.story.append(act)
            getattr(self, f"_{act}")()
        results = self._results()
        model = keras.Model(self.inputs, results)
        randomize(model, seed=self.choose(range(1000)))
        self.variables = model.weights
        return source_model(model, {})

    def _results(self) -> list[Any]:
        """The last sequence, or what becomes of it, and some of the others, and states."""
        y = self.pool[-1].tensor
        head = self.choose(["none", "dense", "last", "pool", "columns"])
        self.story.append(f"head {head}")
        if head == "dense":
            y = self.layers.Dense(3, activation="softmax")(y)
        if head == "last":
            y = self.layers.Dense(3)(y[:, -1])
        if head == "pool":
            y = self.layers.GlobalAveragePooling1D()(y)
        results = [*self.ops.split(y, y.shape[-1], axis=-1)] if head == "columns" else [y]
        others = [s.tensor for s in self.pool[1:-1]] + self.states + self.outputs
        results += [t for t in others if self.choose([False, False, True])]
        self.story.append(f"{len(results)} outputs")
        return results

    # The pool ----------------------------------------------------------------------------------

    def _add(self, tensor: Any, fewest: int, length: int | None = None) -> None:
        """Adds a sequence; one of a new length where none is given."""
        if length is None:
            self.lengths += 1
            length = self.lengths
        self.pool.append(Member(tensor, length, fewest))

    def _beside(self, tensor: Any, taken: Member) -> None:
        """Adds a sequence that is as long as another one."""
        self._add(tensor, taken.fewest, taken.length)

    def _any(self, length: int | None = None) -> Member:
        """One of the pool, the later the likelier; of a length, where one is given."""
        some = [s for s in self.pool if length in (None, s.length)]
        chosen: Member = self.choose([*some, some[-1], some[-1]])
        return chosen

    def _noted(self, what: str) -> None:
        self.story[-1] += f", {what}"

    # Acts --------------------------------------------------------------------------------------

    def _part(self) -> None:
        """Any operator of the hammer's."""
        taken = self._any()
        alone = [part for part in FRONT if part not in WITH_INPUT]
        part = self.choose([*alone, *(WITH_INPUT if taken.length == 0 else ())])
        if part is strided_slice and taken.tensor.shape[-1] == 1:
            return  # it leaves no feature
        self._noted(part.__name__)
        name = part.__name__
        made = part(self, taken.tensor)
        if name in LENGTH_CHANGES:
            self._add(made, LENGTH_CHANGES[name](taken.fewest))
        else:
            self._beside(made, taken)

    def _recurrence(self) -> None:
        """A recurrence, from zeros, an input, computed values, or states of another one."""
        taken = self._any()
        kind, both = self._kind(), self.choose([False, False, True])
        units = self.choose([1, 4, 8])
        options = self._options(kind, units)
        options["go_backwards"] = not both and self.choose([False, False, True])
        count = (2 if kind == "LSTM" else 1) * (2 if both else 1)
        initial = self._initial(taken.tensor, count, units)
        merge = self.choose(["concat", "sum", "ave", "mul"]) if both else None
        self._noted(f"{kind} {options} merge {merge}, starts from {len(initial)} states")
        layer = getattr(self.layers, kind)(**options)
        if both:
            layer = self.layers.Bidirectional(layer, merge_mode=merge)
        x = taken.tensor
        y, *states = layer(x, initial_state=initial) if initial else layer(x)
        self.states += states
        self._beside(y, taken)

    def _seq2seq(self) -> None:
        """An encoder in both directions; the decoder starts from its states, joined."""
        encoded, decoded = self._any(), self._any()
        kind, units = self._kind(), self.choose([1, 4])
        joined = self.choose(["concatenation", "sum", "dense"])
        self._noted(f"{kind}, states by {joined}")
        encoder = self.layers.Bidirectional(
            getattr(self.layers, kind)(**self._options(kind, units))
        )
        y, *states = encoder(encoded.tensor)
        half = len(states) // 2
        pairs = list(zip(states[:half], states[half:], strict=True))
        if joined == "sum":
            width, initial = units, [self.layers.Add()(pair) for pair in pairs]
        else:
            width, initial = 2 * units, [self.layers.Concatenate()(pair) for pair in pairs]
        if joined == "dense":
            initial = [self.layers.Dense(width, activation="tanh")(state) for state in initial]
        self._beside(y, encoded)
        decoder = getattr(self.layers, kind)(**self._options(kind, width))
        z, *ends = decoder(decoded.tensor, initial_state=initial)
        self.states += ends
        self._beside(z, decoded)

    def _chunks(self) -> None:
        """One layer over a sequence's first steps, and from where it ended over the others."""
        taken = self._any()
        kind, units = self._kind(), self.choose([1, 4])
        layer = getattr(self.layers, kind)(**self._options(kind, units))
        if taken.fewest < 2:
            self._noted("too short")
            return
        steps = self.choose([1, -1, *([2] if taken.fewest > 2 else [])])
        self._noted(f"{kind} after {steps}")
        one, *states = layer(taken.tensor[:, :steps])
        two, *states = layer(taken.tensor[:, steps:], initial_state=states)
        self.states += states
        self._beside(self.ops.concatenate([one, two], axis=1), taken)

    def _strides(self) -> None:
        """Every second step, or from the last step on, or without the first or the last."""
        taken = self._any()
        names = ["even", "from the end", *(list(SLICES) if taken.fewest > 1 else ())]
        name = self.choose(names)
        self._noted(name)
        steps = len(range(taken.fewest)[SLICES[name]])
        sliced = taken.tensor[:, SLICES[name]]
        self._add(sliced, steps, taken.length if name == "from the end" else None)
        self._recurrence()

    def _windows(self) -> None:
        """A recurrence in each window of a sequence, and one over what these ended with."""
        taken = self._any()
        width = self.choose([1, 2, 3])
        kind, units = self._kind(), self.choose([1, 4])
        self._noted(f"{kind}, {width} steps each")
        features = taken.tensor.shape[-1]
        made = self.layers.ZeroPadding1D((0, 5))(taken.tensor)
        made = self.ops.concatenate([made] * width, axis=1)  # its length is a multiple of width
        inner = getattr(self.layers, kind)(units)
        ends = inner(self.ops.reshape(made, (-1, width, features)))
        by_entry = self.layers.Lambda(
            lambda both: self.ops.reshape(both[0], (self.ops.shape(both[1])[0], -1, units)),
            output_shape=(None, units),
        )
        self._add(by_entry([ends, made]), taken.fewest + 5)

    def _shared(self) -> None:
        """One layer over two sequences."""
        one = self._any()
        features = one.tensor.shape[-1]
        two = self.choose([s for s in self.pool if s.tensor.shape[-1] == features])
        kind = self._kind()
        layer = getattr(self.layers, kind)(**self._options(kind, 4))
        self._noted(kind)
        for each in (one, two):
            y, *states = layer(each.tensor)
            self.states += states
            self._beside(y, each)

    def _masked(self) -> None:
        """Steps of zeros are skipped by this recurrence, and perhaps by the next one."""
        taken = self._any()
        kind, units = self._kind(), self.choose([1, 4])
        options = self._options(kind, units) | {"go_backwards": self.choose([False, False, True])}
        value = self.choose(["zeros", "words", "lengths"])
        if value == "words" and taken.length:
            value = "zeros"
        self._noted(f"{kind} {options}, {value}")
        layer = getattr(self.layers, kind)(**options)
        if value == "words":
            words = self.layers.Embedding(11, 6, mask_zero=True)(self.sequence(0, "int32"))
            y, *states = layer(words)
        elif value == "lengths":
            mask = self.ops.max(taken.tensor, axis=-1) > 0.0
            y, *states = layer(taken.tensor, mask=mask)
        else:
            y, *states = layer(self.layers.Masking(0.0)(self.layers.ReLU()(taken.tensor)))
        self.states += states
        if self.choose([False, True]):
            y = self.layers.GRU(4, return_sequences=True)(y)
        self._beside(y, taken if value != "words" else self.pool[0])

    def _added(self) -> None:
        """Two sequences of one length, joined by their features or added."""
        one = self._any()
        two = self._any(one.length)
        x, y = one.tensor, two.tensor
        if x.shape[-1] == y.shape[-1] and self.choose([False, True]):
            self._noted("added")
            self._beside(x + y, one)
        else:
            self._beside(self.layers.Concatenate()([y, x]), one)

    def _attended(self) -> None:
        """One sequence attends to another one."""
        one, two = self._any(), self._any()
        query, memory = self.layers.Dense(4)(one.tensor), self.layers.Dense(4)(two.tensor)
        seen = self.layers.Attention()([query, memory])
        self._beside(self.layers.Concatenate()([one.tensor, seen]), one)

    def _repeated(self) -> None:
        """A state, or the last step, as a sequence: of a closed length, or beside another one."""
        taken = self._any()
        vector = self.choose([*self.states, taken.tensor[:, -1]])
        if self.choose([False, True]):
            self._noted("closed")
            self._add(self.layers.RepeatVector(4)(vector), 4)
            return
        # A product: Keras adds [B, 1, F] to [B, T, 1] in a wrong way where T is F (it takes the
        # smaller one for a bias of channels: keras/src/backend/tensorflow/numpy.py, `add`).
        beside = self.ops.ones_like(taken.tensor[:, :, :1]) * self.ops.expand_dims(vector, 1)
        self._beside(self.layers.Concatenate()([taken.tensor, beside]), taken)

    def _cells(self) -> None:
        """Two cells at each step."""
        taken = self._any()
        kinds = [self._kind() for _ in range(2)]
        self._noted(" and ".join(kinds))
        cells = [getattr(self.layers, f"{kind}Cell")(self.choose([2, 4])) for kind in kinds]
        self._beside(self.layers.RNN(cells, return_sequences=True)(taken.tensor), taken)

    # Recurrences -------------------------------------------------------------------------------

    def _kind(self) -> str:
        return str(self.choose(["GRU", "LSTM", "SimpleRNN"]))

    def _options(self, kind: str, units: int) -> dict[str, Any]:
        """Of a layer that gives its sequence and its states."""
        options: dict[str, Any] = {"return_sequences": True, "return_state": True, "units": units}
        if kind == "GRU":
            options["reset_after"] = self.choose([True, True, False])
        if kind != "SimpleRNN":
            options["recurrent_activation"] = self.choose(["sigmoid", "sigmoid", "hard_sigmoid"])
        options["activation"] = self.choose(["tanh", "tanh", "tanh", "relu", "softsign"])
        return options

    def _initial(self, x: Any, count: int, units: int) -> list[Any]:
        """The first states, or none."""
        given = self.choose(["none", "none", "input", "last step", "states", "states"])
        self._noted(f"from {given}")
        if given == "input":
            return [self.vector(units) for _ in range(count)]
        if given == "last step":
            return [self.layers.Dense(units, activation="tanh")(x[:, -1]) for _ in range(count)]
        if given == "states" and self.states:
            chosen = [self.choose(self.states) for _ in range(count)]
            return [s if s.shape[-1] == units else self.layers.Dense(units)(s) for s in chosen]
        return []
