"""Scalars by the core schema of YAML 1.2.2, section 10.3.2."""

from __future__ import annotations

import re

#: A plain number of more digits is not meant as one.
MAX_NUMBER_LENGTH = 64

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INF_NAN = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def scalar(text: str, *, plain: bool) -> str | int | float | bool | None:
    """The value of a scalar; a scalar in quotes or in a block is text.

    Raises:
        ValueError: The text holds a character no file name or label can, or is a number of
            more digits than anybody means.
    """
    if _UNUSABLE.search(text):
        raise ValueError("text with a NUL or half a surrogate pair")
    if not plain:
        return text
    return _WORDS[text] if text in _WORDS else _number(text)


def _number(text: str) -> str | int | float:
    """The number a plain scalar is, or the text itself."""
    is_int = bool(_INT.fullmatch(text))
    if not (is_int or _FLOAT.fullmatch(text) or _INF_NAN.fullmatch(text)):
        return text
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError("a number of too many digits; if it is text, write it in quotes")
    if is_int:
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
