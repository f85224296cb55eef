"""What the symbols of a step are called in the equations of a cell."""

from __future__ import annotations

from typing import ClassVar

from rnnlite_pipeline.algebra.atoms import Numbered

#: The symbol for a step's input; `before(k)` and `after(k)` are those of state k.
INPUT = "x"


class Before(Numbered):
    """A state before the step."""

    LETTER: ClassVar[str] = "s"


class After(Numbered):
    """A state after the step."""

    LETTER: ClassVar[str] = "n"


before, after = Before, After
