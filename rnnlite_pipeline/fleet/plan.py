"""`rnnlite plan`: lists every stage of every release, with its inputs, outputs and digest.

The JSON has these keys:

* `plan`: the version of this format, 1; `rnnlite`: the version that wrote it;
* `releases`: each release with `name`, `version`, `config` (the file), `variant` (empty for the
  config itself), `reference` (the argument of commands: CONFIG or CONFIG/VARIANT), and `stages`,
  the ids of the stages that `rnnlite package` runs, in their order;
* `stages`: each stage with `id` (`STAGE:NAME`), `stage`, `release`, `digest`, `after` (the ids of
  the stages before it), `inputs` and `outputs`.

An input has a `path`, and either the `sha256` of an existing file or `from`, the stage that makes
it. Paths below the working folder are relative to it. The `digest` finds a stage in a cache
(`--cache`), and decides whether the stage is up to date (`tasks/keys.py`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import rnnlite_pipeline
from rnnlite_pipeline.files import near
from rnnlite_pipeline.tasks.keys import made_before, stage_digest
from rnnlite_pipeline.tasks.plan import Plan
from rnnlite_pipeline.tasks.state import content_digest
from rnnlite_pipeline.tasks.table import GROUP_OF, GROUPS, groups_before

#: The version of the JSON format; it is increased when keys change their meaning.
FORM = 1

#: The largest number of jobs in the matrix of a GitHub workflow.
#: Source: GitHub's documentation of `jobs.<job_id>.strategy.matrix`.
MOST_SHARDS = 256


def plan_json(plans: Sequence[Plan]) -> dict[str, Any]:
    """The plan of these releases as JSON values, as described above."""
    return {
        "plan": FORM,
        "rnnlite": rnnlite_pipeline.__version__,
        "releases": [_release(plan) for plan in plans],
        "stages": [_stage(group, plan) for plan in plans for group in _groups(plan)],
    }


def plan_text(plans: Sequence[Plan]) -> str:
    """The plan as text: one line for each stage, with the first digits of its digest."""
    lines = []
    for plan in plans:
        lines.append(f"{plan.name} {plan.config.version}  {near(plan.reference)}")
        lines += [f"  {GROUPS[g].name:<10}{stage_digest(g, plan)[:16]}" for g in _groups(plan)]
    return "".join(f"{line}\n" for line in lines)


def github_matrix(plans: Sequence[Plan], shards: int) -> str:
    """The releases in shards, as `matrix=JSON`, a line of the file $GITHUB_OUTPUT.

    Each entry of the matrix has `shard` (from 1), `releases` (their names) and `configs`, the
    arguments of a command. Neighbors, such as the releases of one config, are in one shard, so that
    their source is imported once.

    Args:
        plans: The releases.
        shards: The number of shards, at most; there are not more shards than releases.
    """
    count = max(1, min(shards, len(plans), MOST_SHARDS))
    bounds = [len(plans) * part // count for part in range(count + 1)]
    include = [
        {
            "shard": part + 1,
            "releases": " ".join(plan.name for plan in plans[start:end]),
            "configs": " ".join(shlex.quote(_named(plan)) for plan in plans[start:end]),
        }
        for part, (start, end) in enumerate(pairwise(bounds))
    ]
    return f"matrix={json.dumps({'include': include})}\n"


def _named(plan: Plan) -> str:
    """The argument for this release only: CONFIG/base if the config has variants."""
    alone = plan.path / "base" if plan.config.variants else plan.reference
    return near(alone).as_posix()


def _groups(plan: Plan) -> list[str]:
    """The groups, in order, that `rnnlite package` or the last stage of the pipeline needs."""
    last = "package" if "package" in plan.pipeline.stages else GROUP_OF[plan.pipeline.stages[-1]]
    needed = {last}
    while more := {b for group in needed for b in groups_before(group, plan)} - needed:
        needed |= more
    return [group for group in GROUPS if group in needed]


def _release(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "version": plan.config.version,
        "config": near(plan.path).as_posix(),
        "variant": plan.config.variant,
        "reference": _named(plan),
        "stages": [_id(group, plan) for group in _groups(plan)],
    }


def _stage(group: str, plan: Plan) -> dict[str, Any]:
    stage = GROUPS[group]
    return {
        "id": _id(group, plan),
        "stage": stage.name,
        "release": plan.name,
        "digest": stage_digest(group, plan),
        "after": [_id(before, plan) for before in groups_before(group, plan)],
        "inputs": list(_inputs(group, plan)),
        "outputs": [near(path).as_posix() for path in stage.makes(plan)],
    }


def _inputs(group: str, plan: Plan) -> Iterator[dict[str, Any]]:
    yield {"path": near(plan.path).as_posix(), "sha256": content_digest(plan.path)}
    makers = {path: maker for maker, path in made_before(group, plan)}
    reads: dict[Path, None] = dict.fromkeys(p for p in GROUPS[group].reads(plan) if p)
    for path in reads:
        name = near(path).as_posix()
        if path in makers:
            yield {"path": name, "from": _id(makers[path], plan)}
        else:
            yield {"path": name, "sha256": content_digest(path)}


def _id(group: str, plan: Plan) -> str:
    return f"{GROUPS[group].name}:{plan.name}"
