"""The tables of all runtimes as text, JSON and Markdown.

`python -m rnnlite_pipeline.runtimes.text` prints the overview of docs/guides/targets.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.runtime import Runtime


def as_text(names: Sequence[str] = ()) -> str:
    """The tables to be read: of the named runtimes, or of all."""
    return "\n".join(_lines(names)) + "\n"


def _lines(names: Sequence[str]) -> Iterator[str]:
    for k, runtime in enumerate(_chosen(names)):
        if k:
            yield ""
        yield f"{runtime.name}: {runtime.what}"
        yield f"  held to it: {runtime.held}, {runtime.how}"
        for demand in runtime.table.demands:
            yield f"  takes only: {demand.says} [{demand.source}]"
        yield f"  {_count(runtime)} [{runtime.table.source}]"
        for rule in runtime.table.rules:
            limits = rule.limits()
            other = rule.source != runtime.table.source
            origin = f" [{rule.source}]" if other and limits else ""
            yield f"    {rule.op:<28}  {limits}{origin}".rstrip()


def _count(runtime: Runtime) -> str:
    table = runtime.table
    refused = sum(bool(rule.refused) for rule in table.rules)
    if refused == len(table.rules):
        return f"{refused} ops are refused, all others taken"
    return f"{len(table.rules) - refused} ops are taken"


def as_json(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The tables as plain JSON values."""
    return [
        {
            "name": runtime.name,
            "what": runtime.what,
            "held": runtime.held,
            "how": runtime.how,
            "source": _source(runtime.table.source),
            "others": "refused" if runtime.table.others else "taken",
            "demands": [
                {"says": demand.says, "source": _source(demand.source)}
                for demand in runtime.table.demands
            ],
            "ops": [
                {
                    "op": rule.op,
                    "taken": not rule.refused,
                    "version": rule.version,
                    "dtypes": [dtype.lower() for dtype in rule.dtypes],
                    "ranks": list(rule.ranks) if rule.ranks else None,
                    "constant": list(rule.constant),
                    "absent": list(dict.fromkeys(what for _, what in rule.absent)),
                    "conditions": [each.reason for each in rule.conditions],
                    "source": _source(rule.source),
                }
                for rule in runtime.table.rules
            ],
        }
        for runtime in _chosen(names)
    ]


def _source(source: Any) -> dict[str, str]:
    return {"at": source.at, "version": source.version}


def _chosen(names: Sequence[str]) -> list[Runtime]:
    return [RUNTIMES[name] for name in names] if names else list(RUNTIMES.values())


def as_markdown() -> str:
    """The overview of docs/guides/targets.md."""
    lines = ["| target | what it is | held to it | takes only |", "| --- | --- | --- | --- |"]
    for runtime in RUNTIMES.values():
        demands = "; ".join([*(demand.says for demand in runtime.table.demands), _count(runtime)])
        held = f"{runtime.held}: {runtime.how}"
        lines.append(f"| `{runtime.name}` | {runtime.what} | {held} | {demands} |")
    lines += ["", "The lists of ops were read from:", ""]
    for runtime in RUNTIMES.values():
        lines.append(f"- `{runtime.name}`: {runtime.table.source}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
