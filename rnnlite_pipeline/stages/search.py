"""The stage search: chooses a scheme, and the layers that stay in float, for `scheme: auto`.

Candidates are ordinary conversions of the same import (candidates.py). They are compared with the
conversion in float, which is much faster than the source and does not need its framework. The
stage verify compares the chosen one with the source itself, like any other model.

Candidates that were made by separate stages are used as they are. Times can be compared only if
they are measured on one machine, so all candidates are timed here, in turn.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.quantize.search import (
    Name,
    Trial,
    choose,
    pareto,
    schemes_of,
    trials,
    with_times,
)
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.timing import timed
from rnnlite_pipeline.stages.benchmark import Candidate, feed
from rnnlite_pipeline.stages.candidates import Candidates
from rnnlite_pipeline.steps import step


def search(config: Config, out: Path) -> None:
    """Writes the choice for the next stages, and `out/search.json` for people.

    Raises:
        VerificationFailed: The data has no labels, or is not the model's.
        NotConvertible: The model does not run in float, or no scheme passes.
    """
    most = config.quantization.max_accuracy_drop
    assert most is not None  # the config gives it with scheme auto
    candidates, files = Candidates(config, out), dict[Name, bytes]()

    def attempt(name: Name) -> Trial:
        made = candidates.made(name)
        if not made.trial.reason:
            files[name] = made.content
        return made.trial

    tried = trials(lambda names: [*map(attempt, names)], schemes_of(config), most)
    tried = with_times(tried, _times(candidates, files))
    taken = choose(tried, most)
    if taken is None:
        raise NotConvertible(
            f"No scheme gives a model that runs and loses at most {most:g} of its accuracy.",
            f"In float: {tried[0].reason}",
        )
    best = {trial.name for trial in pareto(tried)}
    told = {
        "max_accuracy_drop": most,
        "chosen": {"scheme": taken.scheme, "skip": list(taken.skip)},
        "samples": len(candidates.samples),
        "machine": machine(),
        "candidates": [each.as_json() | {"pareto": each.name in best} for each in tried],
    }
    text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(out / "search.json", text.encode())
    write_atomically(out / CHOSEN, Chosen(taken.scheme, taken.skip).as_json())
    print(f"chosen: {taken.scheme}, in float: {', '.join(taken.skip) or 'nothing'}", flush=True)


def _times(candidates: Candidates, files: Mapping[Name, bytes]) -> dict[Name, float]:
    """The median time of a call on one sample, in milliseconds, of each candidate in turn."""
    step("timing the candidates")
    calls = {name: _call(candidates, content) for name, content in files.items()}
    return {name: round(statistics.median(each), 6) for name, each in timed(calls).items()}


def _call(candidates: Candidates, content: bytes) -> partial[Any]:
    sample = {name: array[:1] for name, array in candidates.samples.inputs.items()}
    fed = feed(Candidate("", content), sample, candidates.limits)
    call = partial(Runner(content, "default", threads=1).run, fed)
    call()
    return call
