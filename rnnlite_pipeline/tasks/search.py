"""The candidates of a search as stages of their own, on as many processes or machines as there are.

1. Which candidates there are is known when others are done (`quantize/search.py`). So they are no
   tasks of the graph: the task of the search asks for each when its turn comes, and what brings
   stages up to date brings these, here, from a cache or on a cluster.
2. Otherwise each is a stage like any other: a process, files that appear whole, a digest by which
   it is shared.
3. The stage search then goes the same way, finds every candidate made, times them on this machine,
   and chooses. It would make the same ones, so the choice does not depend on who made them.
4. Where one stage runs at a time, the stage search makes its candidates itself: a process for each
   would only cost time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnlite_pipeline.config.chosen import CANDIDATES, IN_FLOAT, Chosen
from rnnlite_pipeline.steps import MARK
from rnnlite_pipeline.tasks.plan import Plan

if TYPE_CHECKING:
    from rnnlite_pipeline.quantize.search import Name, Trial

#: The most candidates of one search that are asked for at a time.
MOST = 64


def why_not_in_parts(plan: Plan) -> str:
    """Why a search makes its candidates in one process; empty where it need not."""
    if plan.config.recurrent.lowering == "fastest":
        return "recurrent.lowering is fastest: each is measured, alone and on one machine"
    return ""


def discard_candidates(plan: Plan) -> None:
    """Removes candidates that are not of this search, or that it needs no more."""
    shutil.rmtree(plan.out / CANDIDATES, ignore_errors=True)


def make_candidates(plan: Plan, make: Callable[[str, Plan], None], at_once: int) -> None:
    """Has every candidate made that the search will ask for.

    Args:
        plan: The release.
        make: Brings a stage of `GROUPS` up to date.
        at_once: How many at a time.

    Raises:
        StageError: A candidate could not be made, or the one in float does not run.
    """
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
