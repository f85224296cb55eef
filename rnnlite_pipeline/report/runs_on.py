"""The section on targets: the model was run, compiled, or only compared with a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rnnlite_pipeline.report.evidence import Held
from rnnlite_pipeline.report.figures import share, size
from rnnlite_pipeline.report.html import Cell, Mark, Section, section, table

_NOTE = (
    "Run: the model ran on this runtime, and its results were compared with the source's."
    " `rnnlite inspect` shows all known runtimes."
)

#: How a model is checked for a target, in words.
_HELD = {
    "run": "run",
    "compiled": "compiled by the runtime's own compiler",
    "by table": "compared with the runtime's list of ops; not run",
}

#: Whose numbers were compared with the source, where the target itself did not run.
_WHOSE = {
    "compiled": "Vela's output is not run here: the numbers, of the model before it was compiled,",
    "by table": "the numbers",
}


def runs_on(targets: Mapping[str, Held]) -> Section | None:
    """One row for each target of the config; nothing where the verification has none.

    Args:
        targets: How the model was checked for each.
    """
    rows: list[list[Cell]] = [
        [
            Mark(each.takes),
            name,
            _HELD.get(each.held, each.held) if each.takes else f"no ({each.held})",
            "; ".join(_found(each)),
        ]
        for name, each in targets.items()
    ]
    shown = table(("", "target", "how it was checked", "found"), rows)
    if shown is None:
        return None
    return section("runs-on", "Runs on", template="table", note=_NOTE, table=shown)


def _found(held: Held) -> Iterator[str]:
    if held.npu_share is not None:
        yield f"{share(held.npu_share, 1.0)} of the ops run on the NPU"
    if held.cycles:
        yield f"{held.cycles:,.0f} cycles by Vela's estimate"
    for bytes_, title in ((held.sram_bytes, "SRAM"), (held.flash_bytes, "flash")):
        if bytes_:
            yield f"{size(bytes_)} of {title}"
    yield from held.reasons
    if held.not_run:
        yield held.not_run
    if held.numbers_from:
        yield f"{_WHOSE[held.held]} come from {', '.join(held.numbers_from)}"
