"""Writes the graph after each pass to a folder, to see which pass did what."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.text import Text
from rnnlite_pipeline.passes.manager import Step, Watch

#: The file that tells of every pass in one line.
INDEX = "index.txt"

_OURS = re.compile(r"\d\d(\.\d\d+)?-[a-z-]+(\.failed)?\.txt")


class PassDump(Watch):
    """Texts of one graph on its way through a list of passes (graph/text.py).

    1. `00-source.txt` is the graph before the first pass.
    2. `NN-name.txt` is the graph after the pass at place NN of the list; `NN.KK-name.txt` after the
       KK-th application within a group that runs until nothing changes. There is no file where
       nothing changed.
    3. `index.txt` has a line for each pass: what it did to the number of ops of each kind.
    4. Where a pass fails, `NN-name.failed.txt` is the graph as it left it, below the error.

    Args:
        folder: Made if it is missing. Files of an earlier dump in it are removed.

    Attributes:
        untold: The passes that changed the graph and said that they did not: faults.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._text = Text()
        self._last = ""
        self._ops: Counter[str] = Counter()
        self._index: list[str] = []
        self.untold: list[str] = []

    def begun(self, model: Model) -> None:
        """Rule 1."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if _OURS.fullmatch(path.name):
                path.unlink()
        self._last, self._ops = self._text.of(model), _counts(model)
        self._write("00-source.txt", self._last)
        self._note(Step("00", "source"), f"{sum(self._ops.values())} ops")

    def applied(self, step: Step, model: Model, changed: bool) -> None:
        """Rules 2 and 3."""
        now = self._text.of(model)
        if now == self._last:
            self._note(step, "nothing changed")
            return
        if not changed:
            self.untold.append(step.name)
        ops = _counts(model)
        self._write(f"{step.number}-{step.name}.txt", now)
        self._note(step, _difference(self._ops, ops))
        self._last, self._ops = now, ops

    def skipped(self, step: Step) -> None:
        """Rule 3."""
        self._note(step, "not run")

    def failed(self, step: Step, model: Model, error: Exception) -> None:
        """Rule 4."""
        told = "".join(f"# {line}\n" for line in str(error).splitlines())
        self._write(f"{step.number}-{step.name}.failed.txt", f"{told}\n{self._text.of(model)}")
        self._note(step, f"failed: {str(error).splitlines()[0] if str(error) else type(error)}")

    def _note(self, step: Step, what: str) -> None:
        self._index.append(f"{f'{step.number} {step.name}':<28} {what}\n")
        self._write(INDEX, "".join(self._index))

    def _write(self, name: str, content: str) -> None:
        write_atomically(self._folder / name, content.encode(), at_once=True)


def _counts(model: Model) -> Counter[str]:
    return Counter(op.code for op in model.ops())


def _difference(before: Counter[str], after: Counter[str]) -> str:
    """`+1 TANH, -2 TRANSPOSE`: what there is more of first."""
    changes = {code: after[code] - before[code] for code in sorted(before | after)}
    told = [f"{n:+} {code}" for code, n in sorted(changes.items(), key=lambda c: -c[1]) if n]
    return ", ".join(told) or "as many ops of each kind"
