"""Masked cells: where the mask says so, the states stay as they are.

    c' = select(m, new c, c)        h' = select(m, new h, h)

Without the mask such a system is a cell like any other; what its new states are then is told by
the same equations, so a masked cell has the name of the cell in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnlite_pipeline.recognise.algebra import Form
from rnnlite_pipeline.recognise.atoms import Apply, Symbol
from rnnlite_pipeline.recognise.references import News
from rnnlite_pipeline.recognise.state import State
from rnnlite_pipeline.recognise.systems import System


@dataclass(frozen=True, eq=False)
class Masked:
    """A system and its mask.

    Attributes:
        system: The states with the equations they have where the mask lets them change.
        mask: The condition, true or false where they change.
        changes_when: Which of the two.
        news: The values the states have where the mask lets them change.
    """

    system: System
    mask: Form
    changes_when: bool
    news: News


def unmasked(system: System) -> Masked | None:
    """The system without its mask; None where not every state is selected by one mask."""
    parted = [_parted(state) for state in system.states]
    if any(p is None for p in parted):
        return None
    selects = [p for p in parted if p is not None]
    mask, _, when = selects[0]
    if any(m.key != mask.key or w != when for m, _, w in selects):
        return None
    values = [(state, new) for state, (_, new, _) in zip(system.states, selects, strict=True)]
    news = News.of(values)
    return Masked(System(tuple(news.equations(values))), mask, when, news)


def _parted(state: State) -> tuple[Form, Form, bool] | None:
    """(mask, the new value, the truth value it is taken for) of select(mask, new, old)."""
    atom = state.equation.atom
    if not isinstance(atom, Apply) or atom.function != "SELECT_V2":
        return None
    mask, yes, no = atom.arguments
    for new, old, when in ((yes, no, True), (no, yes, False)):
        kept = old.atom
        if isinstance(kept, Symbol) and kept.key == state.before.key:
            return mask, new, when
    return None


def emitted(form: Form, masked: Masked) -> Form | None:
    """What a form puts out where the mask lets states change, if it is zero elsewhere."""
    atom = form.atom
    if not isinstance(atom, Apply) or atom.function != "SELECT_V2":
        return None
    mask, yes, no = atom.arguments
    new, other = (yes, no) if masked.changes_when else (no, yes)
    if mask.key != masked.mask.key or not other.is_constant or other.bias.any():
        return None
    return new
