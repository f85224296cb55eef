"""What all parts of a config share: frozen models, rules across keys, and checked text."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

K = TypeVar("K")
V = TypeVar("V")
Item = TypeVar("Item", bound=Hashable)

#: A rule that is broken: the way to the key below the model, and what is wrong.
Broken = tuple[tuple[str | int, ...], str]

#: The type of the pydantic error that carries broken rules, in `ctx["broken"]`.
RULES = "rules"


class Section(BaseModel):
    """One mapping of the YAML: it has these keys only, and is not changed after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def rules(self) -> Iterator[Broken]:
        """What is wrong with the keys together, if each of them alone is right."""
        return iter(())

    @model_validator(mode="after")
    def _keep_rules(self) -> Section:
        if broken := tuple(self.rules()):
            raise PydanticCustomError(RULES, "rules broken", {"broken": broken})
        return self


class FrozenMapping(Mapping[K, V]):
    """A mapping that cannot be changed, and that can be hashed and pickled."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return f"FrozenMapping({self._entries!r})"


def _distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    twice = next((item for i, item in enumerate(items) if item in items[:i]), None)
    if twice is not None:
        raise ValueError(f"`{twice}` is listed twice")
    return items


def matching(pattern: str, expected: str) -> Callable[[object], object]:
    """A validator of text: all of it matches `pattern`, else the error says `expected`."""
    compiled = re.compile(pattern)

    def check(value: object) -> object:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"expected {expected}")
        return value

    return check


def text_like(pattern: str, expected: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """The parts of an `Annotated[str, *text_like(...)]`."""
    return (
        BeforeValidator(matching(pattern, expected)),
        WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"}),
    )


FrozenDict = Annotated[
    Mapping[K, V],
    AfterValidator(FrozenMapping),
    PlainSerializer(lambda entries: dict(sorted(entries.items()))),
]
Distinct = Annotated[tuple[Item, ...], AfterValidator(_distinct)]
#: At least one item. The bound stands before the validator, so that the JSON schema has it too.
Some = Annotated[tuple[Item, ...], Field(min_length=1), AfterValidator(_distinct)]
Text = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


def section(model: type[BaseModel], description: str) -> Any:
    """A section that may be left out: all of its keys have defaults."""
    return Field(default=model(), description=description)
