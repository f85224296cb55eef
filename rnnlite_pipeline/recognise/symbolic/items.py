"""The name of the symbol for a step of a sequence."""

from __future__ import annotations

from typing import Self

from rnnlite_pipeline.shapes.linear import Linear


class Item(str):
    """A step of a sequence, as a symbol's name.

    Attributes:
        number: The loop variable that holds the sequence; of steps written out, the sequence.
        axis: The axis of time.
        place: The position, linear in the loop's counters.
    """

    __slots__ = ("axis", "number", "place")
    number: int
    axis: int
    place: Linear

    def __new__(cls, number: int, axis: int = 0, place: Linear | None = None) -> Self:
        """A step of the sequence with this number; where `place` is None, every step."""
        text = f"x{number}"
        if place is not None:
            factors = ",".join(f"{n}*{f}" for n, f in sorted(place.factors))
            text += f"|{axis}|{place.constant}|{factors}"
        made = super().__new__(cls, text)
        made.number, made.axis, made.place = number, axis, place or Linear()
        return made

    def __getnewargs__(self) -> tuple[int, int, Linear | None]:  # type: ignore[override]
        """What a copy is made from."""
        return self.number, self.axis, self.place if "|" in self else None
