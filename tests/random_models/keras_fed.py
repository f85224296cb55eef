"""Keras 3 models at random: recurrences that feed each other, with operators in front of each."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rnnlite_pipeline.toolchain import load
from tests.hammer.parts import FRONT, Part, concatenation, embedding
from tests.random_models.keras_models import Author

#: Parts that add an input stand in front of the first recurrence alone: later, T is another one.
WITH_INPUT: tuple[Part, ...] = (concatenation, embedding)
ALONE: tuple[Part, ...] = tuple(part for part in FRONT if part not in WITH_INPUT)


class FedAuthor(Author):
    """Writes recurrences that start from inputs, computed values, or each other's states.

    It offers what the parts of `tests/hammer/parts.py` ask of their author.
    """

    before: list[Any] | None = None

    @property
    def layers(self) -> Any:
        """keras.layers."""
        return load("keras").layers

    @property
    def ops(self) -> Any:
        """keras.ops."""
        return load("keras").ops

    def sequence(self, features: int, dtype: str = "float32") -> Any:
        """An input as long as the first one."""
        length = self.inputs[0].shape[1]
        shape = (length, features) if features else (length,)
        name = f"input_{len(self.inputs)}"
        made = load("keras").Input(shape, batch_size=self.batch, dtype=dtype, name=name)
        self.inputs.append(made)
        return made

    def around(self, x: Any) -> Any:
        """An operator, or two."""
        for number in range(self.choose([1, 1, 2])):
            first = self.before is None and len(self.inputs) == 1 and not number
            part = self.choose([*ALONE, *(WITH_INPUT if first else ())])
            self.story.append(f"part {part.__name__}")
            x = part(self, x)
        return x

    def recurrent(self, x: Any, last: bool) -> Any:
        """One recurrence, and where it starts from."""
        kind = self.choose(["GRU", "LSTM", "SimpleRNN"])
        units = self.choose([1, 4, 12])
        given = self.choose(["none", "input", "last step", "before", "before"])
        count = 2 if kind == "LSTM" else 1
        options: dict[str, Any] = {"return_sequences": True, "return_state": True}
        if kind != "SimpleRNN":
            options["recurrent_activation"] = self.choose(["sigmoid", "sigmoid", "hard_sigmoid"])
        self.story.append(f"{kind}({units}, {options}) from {given}")
        initial = self._starts(given, count, units, x)
        layer = getattr(self.layers, kind)(units, **options)
        y, *states = layer(x, initial_state=initial) if initial else layer(x)
        self.before = states
        if self.choose([False, False, True]):
            self.outputs += states
        return y[:, -1] if last and self.choose([False, True]) else y

    def _starts(self, given: str, count: int, units: int, x: Any) -> list[Any]:
        if given == "input":
            return [self.input((units,), self.batch) for _ in range(count)]
        if given == "last step":
            return [self.layers.Dense(units, activation="tanh")(x[:, -1]) for _ in range(count)]
        if given == "before" and self.before is not None:
            return [
                self.layers.Dense(units)(self.before[k % len(self.before)]) for k in range(count)
            ]
        return []


@st.composite
def models_that_feed_each_other(draw: Any) -> tuple[Any, FedAuthor]:
    """A model and its author."""
    author = FedAuthor(draw)
    return author.model(), author
