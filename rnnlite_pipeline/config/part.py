"""A part of the verification data, and the file that its stage leaves below the model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: The folder of these files, below the model's folder.
BATCHES = Path(".work") / "batches"


@dataclass(frozen=True)
class Part:
    """Part `number` of `count`, from 0."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Part:
        """What `str` wrote."""
        number, count = text.split("/")
        return cls(int(number) - 1, int(count))

    def __str__(self) -> str:
        """For people and for the command line of a stage: `1/4` to `4/4`."""
        return f"{self.number + 1}/{self.count}"

    @property
    def called(self) -> str:
        """What its files are called, without a suffix."""
        return f"{self.number + 1:03}-of-{self.count:03}"

    def within(self, length: int) -> slice:
        """Which of so many things it has; the parts together have each once, in order."""
        return slice(length * self.number // self.count, length * (self.number + 1) // self.count)
