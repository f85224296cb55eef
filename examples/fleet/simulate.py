"""How long a plan takes on 1 to 64 workers: a simulation, no measurement.

    rnnlite plan configs/*.yaml --json > plan.json
    python examples/fleet/simulate.py plan.json --seconds import=6 convert=4 verify=8

Each stage takes the seconds that its kind is given (1 where it is given none), on one worker,
without waiting for files. A worker that is free takes the first stage, in the plan's order, whose
needs are done. So the figures are a bound of what the graph allows: real runs also bring files, and
workers of one machine share its cores. Stages with one digest run once, as the cache makes it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WORKERS = (1, 2, 4, 8, 16, 32, 64)


def makespan(stages: Sequence[Mapping[str, Any]], seconds: Mapping[str, float], n: int) -> float:
    """When the last stage is done, in seconds.

    Args:
        stages: Those of a plan.
        seconds: What a stage of each kind takes.
        n: How many workers there are.
    """
    first: dict[str, str] = {}
    for stage in stages:
        first.setdefault(stage["digest"], stage["id"])
    runs = {first[stage["digest"]]: stage for stage in reversed(stages)}
    digest_of = {stage["id"]: stage["digest"] for stage in stages}
    after = {id_: {first[digest_of[need]] for need in runs[id_]["after"]} for id_ in runs}
    waiting = [stage["id"] for stage in stages if stage["id"] in runs]
    done: set[str] = set()
    running: list[tuple[float, str]] = []
    now = 0.0
    while waiting or running:
        ready = [id_ for id_ in waiting if after[id_] <= done][: n - len(running)]
        for id_ in ready:
            waiting.remove(id_)
            heapq.heappush(running, (now + seconds.get(runs[id_]["stage"], 1.0), id_))
        now, ended = heapq.heappop(running)
        done.add(ended)
    return now


def main(words: Sequence[str]) -> None:
    """Prints the time and the speed-up for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("plan", type=Path)
    parser.add_argument("--seconds", nargs="*", default=[], metavar="STAGE=SECONDS")
    call = parser.parse_args(words)
    stages = json.loads(call.plan.read_text(encoding="utf-8"))["stages"]
    seconds = {name: float(value) for name, value in (each.split("=") for each in call.seconds)}
    alone = makespan(stages, seconds, 1)
    print(f"simulated: {len(stages)} stages")
    for n in WORKERS:
        took = makespan(stages, seconds, n)
        print(f"{n:>3} workers  {took:>8.0f} s  {alone / took:>5.1f} times as fast as one")


if __name__ == "__main__":
    main(sys.argv[1:])
