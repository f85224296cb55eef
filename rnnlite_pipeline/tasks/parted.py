"""Stages of which some work may be done beforehand, as stages of their own (`Stage.parted`).

1. How many such parts there are is known when other stages are done. So they are no tasks of the
   graph: the task of the stage asks for each, and what brings stages up to date brings these.
2. The stage finds what the parts left, and makes what is missing. So its result does not depend on
   who made them, or on whether anybody did.
3. They are made where several stages run at a time, and the stage is not kept somewhere already.
   Nothing of them stays after the stage has ended well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rnnlite_pipeline.tasks.plan import Plan

#: Brings a stage of `GROUPS` up to date.
Make = Callable[[str, Plan], object]


@dataclass(frozen=True)
class Parted:
    """What may be made of a stage beforehand.

    Attributes:
        folder: Where the parts leave their files, below the release's folder.
        make: Has them made: of a release, by what brings each up to date, so many at a time.
        stays: Whether what is left of the stage is about this machine; then it runs here.
    """

    folder: Path
    make: Callable[[Plan, Make, int], None]
    stays: bool = False

    def discard(self, plan: Plan) -> None:
        """Removes what is there: it is of another run, or needed no more."""
        shutil.rmtree(plan.out / self.folder, ignore_errors=True)

    def left(self, plan: Plan) -> list[Path]:
        """The files of the parts that were made, without logs."""
        files = (path for path in (plan.out / self.folder).glob("*") if path.is_file())
        return sorted(path for path in files if path.suffix != ".log")
