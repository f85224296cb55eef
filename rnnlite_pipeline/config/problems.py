"""From pydantic's errors to problems a person can act on: one for each root cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rnnlite_pipeline.config.base import RULES
from rnnlite_pipeline.config.document import Document, Loc
from rnnlite_pipeline.config.keys import choices_at, homes_of, section_at
from rnnlite_pipeline.config.scalars import MAX_NUMBER_LENGTH, scalar
from rnnlite_pipeline.errors import Problem

#: What each of pydantic's error types expected; filled in from the error's context.
_EXPECTED = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "mapping_type": "keys and values",
    "dict_type": "keys and values",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "a list with at least {min_length} item(s)",
    "too_long": "a list with at most {max_length} item(s)",
}

#: What YAML 1.1 read as a truth value, and 1.2 reads as text.
_FORMER_BOOLS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false"}

#: What other programs write for an open dimension.
_OPEN = (-1, "None", "none", "?", "any")


def problems_of(
    model: type[BaseModel], document: Document, errors: Sequence[ErrorDetails]
) -> list[Problem]:
    """The problems of a document, by place: its own, and those of the values in it.

    What follows from another problem is left out: the value of a key that could not be read, and
    the key that is missing because its name is misspelled.
    """
    found: set[Problem] = set(document.problems)
    misspelled = {
        (*loc[:-1], meant)
        for loc, kind in ((_loc(error), error["type"]) for error in errors)
        if kind == "extra_forbidden" and (meant := _meant(model, loc))
    }
    for error in errors:
        loc = _loc(error)
        if any(loc[: len(unread)] == unread for unread in document.unread):
            continue
        if error["type"] == "missing" and (loc in misspelled or loc[:-1] in document.incomplete):
            continue
        found.update(_problems(model, document, error))
    return sorted(found)


def suggestion(word: object, known: Sequence[str]) -> str:
    """`; did you mean X?` if a known word is close; else nothing."""
    close = _closest(word, known)
    return f"; did you mean `{close}`?" if close else ""


def shown(value: object) -> str:
    """A value as a person reads it in a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, str):
        printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
        return f'"{printable[:57]}..."' if len(value) > 60 else f'"{printable}"'
    return f"the number {value}"


def _closest(word: object, known: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(word)[:60].lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def _loc(error: ErrorDetails) -> Loc:
    """Where the error is; pydantic marks the key of a mapping by a last part of its own."""
    return tuple(part for part in error["loc"] if part != "[key]")


def _problems(model: type[BaseModel], document: Document, error: ErrorDetails) -> Iterator[Problem]:
    loc, kind = _loc(error), error["type"]
    if kind == RULES:
        for below, message in error["ctx"]["broken"]:
            yield document.problem((*loc, *below), message, at_key=not below)
    elif kind == "extra_forbidden":
        yield document.problem(loc, _unknown_key(model, loc), at_key=True)
    elif kind == "missing":
        yield document.problem(loc, _missing_key(model, loc), at_key=True)
    else:
        yield document.problem(loc, _wrong_value(model, loc, error), at_key="[key]" in error["loc"])


def _meant(model: type[BaseModel], loc: Loc) -> str | None:
    """The key of the same section that is perhaps meant; None for one that is at home elsewhere."""
    here = section_at(model, loc[:-1])
    if here is None or _homes(model, loc):
        return None
    return _closest(loc[-1], list(here.model_fields))


def _homes(model: type[BaseModel], loc: Loc) -> list[str]:
    """The sections that have this key; none if more than two have it."""
    homes = homes_of(model, str(loc[-1]))
    return homes if len(homes) <= 2 else []


def _unknown_key(model: type[BaseModel], loc: Loc) -> str:
    if meant := _meant(model, loc):
        return f"unknown key; did you mean `{meant}`?"
    if homes := _homes(model, loc):
        return f"unknown key here; it belongs under {' or '.join(f'`{home}:`' for home in homes)}"
    here = section_at(model, loc[:-1])
    known = ", ".join(here.model_fields) if here else ""
    return f"unknown key; the keys here are {known}"


def _missing_key(model: type[BaseModel], loc: Loc) -> str:
    here = section_at(model, loc[:-1])
    if here is None:
        return "required, and not given"
    about = (here.model_fields[str(loc[-1])].description or "").split(". ")[0].rstrip(".")
    return f"required, and not given ({about})"


def _wrong_value(model: type[BaseModel], loc: Loc, error: ErrorDetails) -> str:
    value, kind = error["input"], error["type"]
    got = f"got {shown(value)}"
    if kind == "literal_error":
        choices = choices_at(model, loc)
        return (
            f"expected {_listed(choices)}; {got}{_former_bool(value) or suggestion(value, choices)}"
        )
    if kind == "value_error":
        name = Path(value).stem if loc == ("pipeline",) and isinstance(value, str) else ""
        meant = f"; write its name alone: {name}" if name and name != value else ""
        return f"{error['msg'].removeprefix('Value error, ')}; {got}{meant}"
    if kind in ("model_type", "model_attributes_type"):
        below = section_at(model, loc)
        keys = f" with the keys {', '.join(below.model_fields)}" if below else ""
        return f"expected a mapping{keys}; {got}{_as_a_key(model, loc, value)}"
    context: dict[str, Any] = error.get("ctx", {})
    template = _EXPECTED.get(kind)
    expected = f"expected {template.format(**context)}" if template else error["msg"]
    hint = _of_a_shape(loc, value) or _percent(value, context) or _hint(kind, value)
    return f"{expected}; {got}{hint}"


def _as_a_key(model: type[BaseModel], loc: Loc, value: object) -> str:
    """The key that was perhaps meant where a value stands in place of a section."""
    if value is None:
        return "; give it keys, or leave it out"
    below = section_at(model, loc)
    fields = below.model_fields if below else {}
    keys = ["path"] if isinstance(value, str) and "path" in fields else []
    keys += [key for key in fields if value in choices_at(model, (*loc, key))]
    keys += ["samples"] if type(value) is int and "samples" in fields else []
    return f"; did you mean {{{keys[0]}: {str(value)[:40]}}}?" if keys else ""


def _former_bool(value: object) -> str:
    return f"; did you mean {_FORMER_BOOLS[value]}?" if value in _FORMER_BOOLS else ""


def _of_a_shape(loc: Loc, value: object) -> str:
    """How a shape says that a dimension is open."""
    is_shape = loc[:2] == ("source", "inputs") and len(loc) == 4
    return "; write null for an open dimension" if is_shape and value in _OPEN else ""


def _percent(value: object, context: Mapping[str, Any]) -> str:
    """A share that is given in percent."""
    text = value[:-1].strip() if isinstance(value, str) and value.endswith("%") else ""
    signed = _is_number(text)
    number = scalar(text, plain=True) if signed else value
    if not isinstance(number, int | float) or isinstance(number, bool):
        return ""
    if signed or (context.get("le") == 1 and 1 < number <= 100):
        return f"; {number:g} % is {number / 100:g}"
    return ""


def _hint(kind: str, value: object) -> str:
    """What the writer of the file probably overlooked."""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; write it in quotes if it is text"
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _FORMER_BOOLS:
        return f"; did you mean {_FORMER_BOOLS[value.lower()]}?"
    if kind in ("int_type", "float_type") and _is_number(value):
        return "; take the quotes away"
    if kind == "tuple_type" and isinstance(value, str):
        return f"; write [{value[:40]}]"
    return ""


def _is_number(value: object) -> bool:
    """Whether text is a number but for its quotes."""
    if not isinstance(value, str) or len(value) > MAX_NUMBER_LENGTH:
        return False
    return isinstance(scalar(value, plain=True), int | float)


def _listed(choices: Sequence[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]]) if choices[1:] else "".join(choices)
