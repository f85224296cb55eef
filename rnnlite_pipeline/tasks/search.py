"""The candidates of a search as stages of their own, on as many processes or machines as there are.

1. Which candidates there are is known when others are done (`quantize/search.py`): each is asked
   for when its turn comes.
2. Each is a stage like any other: a process, files that appear whole, a digest by which it is
   shared.
3. The stage search then goes the same way, finds every candidate made, times them on this machine,
   and chooses.

See `parted.py` for what such parts have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnlite_pipeline.config.chosen import CANDIDATES, CHOSEN, IN_FLOAT, Chosen
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.steps import MARK
from rnnlite_pipeline.tasks.child import occupied
from rnnlite_pipeline.tasks.parted import Make
from rnnlite_pipeline.tasks.plan import Plan

if TYPE_CHECKING:
    from rnnlite_pipeline.quantize.search import Name, Trial

#: The most candidates of one search that are asked for at a time.
MOST = 64


def why_not_in_parts(plan: Plan) -> str:
    """Why no candidates are made beforehand; empty where they are."""
    if plan.chosen:
        return "the lock says what it chose"
    if plan.config.recurrent.lowering == "fastest":
        return "recurrent.lowering is fastest: each is measured, alone and on one machine"
    return ""


def take_locked(plan: Plan, chosen: Chosen) -> None:
    """The choice of a lock, instead of a search."""
    plan.out.mkdir(parents=True, exist_ok=True)
    with occupied(plan.out):
        write_atomically(plan.out / CHOSEN, chosen.as_json())
        write_atomically(plan.out / "search.json", b'{"locked": true}\n')


def make_candidates(plan: Plan, make: Make, at_once: int) -> None:
    """Has every candidate made that the search will ask for, where they may be made apart.

    Args:
        plan: The release.
        make: Brings a stage of `GROUPS` up to date.
        at_once: How many at a time.

    Raises:
        StageError: A candidate could not be made, or the one in float does not run.
    """
    if why_not_in_parts(plan):
        return
    from rnnlite_pipeline.quantize.search import restored, schemes_of, trials

    most = plan.config.quantization.max_accuracy_drop
    assert most is not None  # the config gives it with scheme auto
    plan.out.mkdir(parents=True, exist_ok=True)
    with (plan.out / "search.log").open("w", encoding="utf-8", buffering=1) as log:

        def made(name: Name) -> Trial:
            chosen = Chosen(*name)
            part = replace(plan, candidate=chosen)
            path = (plan.out / CANDIDATES / chosen.called).with_suffix(".json")
            if not path.exists():
                log.write(f"{MARK}trying {chosen}\n")
                make("reference" if chosen == IN_FLOAT else "candidate", part)
            return restored(path.read_bytes())

        def all_made(names: Sequence[Name]) -> list[Trial]:
            return [*pool.map(made, names)]

        made((IN_FLOAT.scheme, IN_FLOAT.skip))
        with ThreadPoolExecutor(min(at_once, MOST)) as pool:
            trials(all_made, schemes_of(plan.config), most)
