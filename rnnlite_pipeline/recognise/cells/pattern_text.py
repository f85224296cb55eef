"""The text of a pattern in the reasons that are shown to users."""

from __future__ import annotations

from rnnlite_pipeline.algebra.patterns import (
    Bias,
    Clipped,
    Function,
    Leaf,
    Named,
    Pattern,
    Read,
    Times,
    Unknown,
)


def described(what: Pattern | Function, article: str = "a") -> str:
    """A sum as it is written, `f*c + i*g`; a function by its kind, `a sigmoid`."""
    if isinstance(what, Function):
        known = what.function.lower() if isinstance(what.function, str) else "known activation"
        return f"{article} {known}"
    text = ""
    for sign, leaves in what.terms:
        if any(isinstance(leaf, Bias) for leaf in leaves):
            continue
        product = "*".join(map(_leaf, leaves)) or "1"
        text += f"{' - ' if sign < 0 else ' + ' if text else ''}{product}"
    return text.removeprefix(" - ") if text.startswith(" - ") else text


def _leaf(leaf: Leaf) -> str:
    if isinstance(leaf, Named):
        return leaf.name
    if isinstance(leaf, Function):
        name = "activation" if isinstance(leaf.function, Unknown) else leaf.function.lower()
        return f"{name}({described(leaf.argument)})"
    if isinstance(leaf, Clipped | Times):
        return described(leaf.value)
    assert isinstance(leaf, Read), "what a polynomial reads"
    return leaf.name
