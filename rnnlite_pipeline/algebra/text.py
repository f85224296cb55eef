"""Forms and patterns as a person writes them, for the reasons that users read."""

from __future__ import annotations

from rnnlite_pipeline.algebra.atoms import Atom, Product, Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.algebra.patterns import Bias, Function, Leaf, Named, Pattern, Read, Unknown

_NAMES = {"LOGISTIC": "sigmoid", "SELECT_V2": "select", "LINEAR": ""}


#: A longer text is none that a person reads.
LONGEST = 160


def render(form: Form, depth: int = 2) -> str:
    """The form as text: matrices as W, diagonals as w, nested functions to `depth`.

    Where that is longer than `LONGEST`, functions are nested less; then terms are left out.
    """
    for each in range(depth, -1, -1):
        terms = _terms(form, each)
        if len(" + ".join(terms)) <= LONGEST:
            return " + ".join(terms)
    while len(" + ".join(terms)) > LONGEST and len(terms) > 1:
        terms.pop()
    return " + ".join([*terms, "..."])


def _terms(form: Form, depth: int) -> list[str]:
    parts = []
    for atom, linear in form.terms.values():
        text = _atom(atom, depth)
        if linear.is_identity:
            parts.append(text)
        elif linear.diagonal and len(set(linear.values.tolist())) == 1:
            parts.append(f"{linear.values[0]:.4g}*{text}")
        else:
            parts.append(f"{'w' if linear.diagonal else 'W'}*{text}")
    if form.bias.any() or not parts:
        single = len(set(form.bias.tolist())) == 1
        parts.append(f"{form.bias[0]:.4g}" if single else "b")
    return parts


def _atom(atom: Atom, depth: int) -> str:
    if isinstance(atom, Symbol):
        return {"x": "x", "s": "h", "n": "h'"}.get(atom.name[0], atom.name)
    if isinstance(atom, Product):
        return "*".join(_atom(f, depth) for f in atom.factors)
    name = _NAMES.get(atom.function, atom.function.lower())
    sums = (" + ".join(_terms(a, depth - 1)) for a in atom.arguments)
    inner = "..." if depth <= 0 else ", ".join(sums)
    return f"{name}({inner})"


def described(what: Pattern | Function, article: str = "a") -> str:
    """A sum as it is written, `f*c + i*g`; a function by its kind, `a sigmoid`."""
    if isinstance(what, Function):
        known = what.function.lower() if isinstance(what.function, str) else "known activation"
        return f"{article} {known}"
    text = ""
    for sign, leaves in what.terms:
        if any(isinstance(leaf, Bias) for leaf in leaves):
            continue
        product = "*".join(map(_pattern_leaf, leaves)) or "1"
        text += f"{' - ' if sign < 0 else ' + ' if text else ''}{product}"
    return f"-{text.removeprefix(' - ')}" if text.startswith(" - ") else text


def _pattern_leaf(leaf: Leaf) -> str:
    if isinstance(leaf, Named):
        return leaf.name
    if isinstance(leaf, Function):
        name = "activation" if isinstance(leaf.function, Unknown) else leaf.function.lower()
        return f"{name}({described(leaf.argument)})"
    if isinstance(leaf, Read):
        return leaf.name
    assert not isinstance(leaf, Bias), "a bias is left out"
    return described(leaf.value)
