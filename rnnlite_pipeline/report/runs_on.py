"""The section on targets: on which the model was run, compiled for, or held to a table only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rnnlite_pipeline.report.figures import share, size
from rnnlite_pipeline.report.html import Cell, Mark, Section, section, table

_NOTE = (
    "run: the model was run on the runtime itself, and its numbers were compared with the source."
    " compiled: the runtime's own compiler took it, here. by table: it was compared with the"
    " published list of ops; nothing was run, and this is no proof. `rnnlite inspect` shows every"
    " known runtime."
)


def runs_on(facts: Mapping[str, Any]) -> Section | None:
    """One row for each target of the config; nothing where the verification has none.

    Args:
        facts: What the verification says of the model: verify/targets.py.
    """
    held: Mapping[str, Mapping[str, Any]] = facts.get("targets") or {}
    rows: list[list[Cell]] = [
        [
            Mark(bool(said.get("takes"))),
            name,
            said["held"] if said.get("takes") else f"no ({said['held']})",
            "; ".join(_found(said)),
        ]
        for name, said in held.items()
    ]
    shown = table(("", "target", "held to it", "found"), rows)
    if shown is None:
        return None
    return section("runs-on", "Runs on", template="table", note=_NOTE, table=shown)


def _found(said: Mapping[str, Any]) -> Iterator[str]:
    if "npu_share" in said:
        yield f"{share(said['npu_share'], 1.0)} of the operations on the NPU"
    if said.get("cycles"):
        yield f"{said['cycles']:,.0f} cycles by Vela's estimate"
    for key, title in (("sram_bytes", "SRAM"), ("flash_bytes", "flash")):
        if said.get(key):
            yield f"{size(said[key])} of {title}"
    yield from said.get("reasons", ())
    if said.get("not_run"):
        yield said["not_run"]
    if said.get("numbers_from"):
        yield f"the numbers come from {', '.join(said['numbers_from'])}"
