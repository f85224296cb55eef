"""The section on a search: each model that was tried under `quantization.scheme: auto`.

Its times are true for one machine only, as those of a benchmark. So the page in a release does not
have this section; the page beside the model has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnlite_pipeline.report.figures import error, points, rate, size, time
from rnnlite_pipeline.report.html import Cell, Section, section, table

#: The slot that the stage report fills with the candidates.
TRIED = "tried"

_COLUMNS = ("model", "in float", "#size", "#largest error", "#accuracy", "#change", "#time", "")


def searched(told: Mapping[str, Any]) -> Section | None:
    """The table of candidates; None if a lock gave the choice and no search ran.

    Args:
        told: A search.json of this model.
    """
    candidates = told.get("candidates", ())
    chosen = told.get("chosen")
    most = told.get("max_accuracy_drop", 0.0)
    if not candidates:
        return None
    return section(
        "search",
        "Schemes that were tried",
        template="table",
        note=f"Each was run on {told['samples']:,} samples and compared with the model in float."
        f" The smallest that loses at most {100 * most:g} points of accuracy is taken. Times are of"
        " one call on this machine, and are not used for the choice. “Not beaten” means that"
        " no other model is at least as good in size, error, accuracy and time.",
        table=table(_COLUMNS, [_row(each, chosen) for each in candidates]),
    )


def _row(each: Mapping[str, Any], chosen: Any) -> Sequence[Cell]:
    name, skip = each["scheme"], ", ".join(each["skip"])
    if "reason" in each:
        return [name, skip, "", "", "", "", "", each["reason"]]
    taken = {"scheme": name, "skip": each["skip"]} == chosen
    marks = [*(["taken"] if taken else []), *(["not beaten"] if each["pareto"] else [])]
    return [
        name,
        skip,
        size(each["bytes"]),
        error(float(each["error"])),
        rate(each["accuracy"]),
        points(-each["drop"] if each["drop"] else 0),
        time(each["ms"]),
        ", ".join(marks),
    ]
