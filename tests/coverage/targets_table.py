"""Coverage rows on every target: targets.json, and the page that is written from it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.text import as_json
from tests.coverage.table import ROOT

RESULTS = Path(__file__).with_name("targets.json")
PAGE = ROOT / "docs" / "coverage-targets.md"

#: How an entry was held to its target, in the table and where entries are counted.
_SHORT = {"run": "run", "compiled": "compiled", "by table": "table"}
_SAID = {"run": "run", "compiled": "compiled", "by table": "read from a table"}

_PAGE = """# Coverage on every target

Each row of the [coverage table](coverage.md) on each [target](guides/targets.md). The row's model
is built with its framework, with a pinned batch, and converted once for each target: by a config
that names this target alone, in float32; for Ethos-U and Edge TPU in int8, with int8 inputs and
outputs. `python -m tests.coverage.targets` measures all of it and writes this page.

- **fused**, **loop**, **steps** (written out): what the recurrent layers became. An entry without
  "no" is a yes.
- **run**: the runtime ran the model, called twice on each of two inputs, and its numbers are the
  source's. The power of ten is above the largest difference, as a part of the output's scale. Where
  a table refuses another form of the layer, that form was run on `litert`, `litert-compiled` and
  `tflm` as well: the runtime refused it, or its numbers were wrong. A "no" that was run is this.
- **compiled**: Vela compiled the model, and left exactly those ops to the CPU that the note says:
  none, where there is no note. Vela's output is not run: the power of ten is that of the model
  before it was compiled, on LiteRT's reference kernels.
- **table**: read from the target's published list of ops. The target itself ran nothing: this is no
  proof that the model loads there. The power of ten is that of this model on LiteRT.
- **[1]**: the note below says which ops are left to the CPU, or why the answer is no.

{counts}

{table}

## Notes
{notes}
"""


def load_results() -> dict[str, Any]:
    """What was measured: `tables`, and `rows`."""
    results: dict[str, Any] = json.loads(RESULTS.read_text())
    return results


def write_results(rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes targets.json and the page."""
    results = {"tables": {name: table_digest(name) for name in RUNTIMES}, "rows": list(rows)}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(results))


def table_digest(target: str) -> str:
    """What a target's table says, as a digest: the verdicts were given by it."""
    text = json.dumps(as_json([target])[0], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def page(results: Mapping[str, Any]) -> str:
    """docs/coverage-targets.md."""
    notes: dict[tuple[str, ...], int] = {}
    titles = ["source", "cell", *RUNTIMES]
    lines = [titles, ["---"] * len(titles)]
    for row in results["rows"]:
        cells = [_entry(name, row["targets"][name], notes) for name in RUNTIMES]
        lines.append([row["source"], row["cell"], *cells])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return _PAGE.format(
        counts=_counts(results["rows"]), table=table, notes="\n".join(_notes(notes))
    )


def _counts(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many entries were run, compiled, read from a table."""
    placed = [row["targets"][name] for row in rows for name in RUNTIMES]
    counted = Counter(each["how"] for each in placed)
    parts = (f"{counted[how]} {said}" for how, said in _SAID.items())
    return f"Of {len(placed)} entries: {', '.join(parts)}."


def _entry(target: str, placed: Mapping[str, Any], notes: dict[tuple[str, ...], int]) -> str:
    forms = " and ".join(placed["forms"])
    said = "no" if placed["outcome"] == "no" else forms
    said += f", {_SHORT[placed['how']]}"
    if placed["error"] is not None:
        said += f" 1e{placed['error']}"
    if placed["outcome"] == "yes":
        return said
    note: tuple[str, ...] = ("", *_grouped(placed["reasons"]))
    if placed["outcome"] == "no":
        run = f"It fails there, too: {', '.join(placed['refused'])}" if placed["refused"] else ""
        note = (target, *note[1:], *filter(None, [run]))
    return f"{said} [{notes.setdefault(note, len(notes) + 1)}]"


def _grouped(reasons: Sequence[str]) -> Iterator[str]:
    """`OP: reason` for several ops of one reason in one sentence."""
    ops: dict[str, list[str]] = {}
    for each in reasons:
        op, _, reason = each.partition(": ")
        ops.setdefault(reason, []).append(op)
    for reason, codes in ops.items():
        yield f"{', '.join(f'`{code}`' for code in codes)}: {reason}" if reason else codes[0]


def _notes(notes: Mapping[tuple[str, ...], int]) -> Iterator[str]:
    for (refused_by, *reasons), number in notes.items():
        yield ""
        yield f"[{number}] {f'{refused_by} takes no form.' if refused_by else 'Left to the CPU:'}"
        yield ""
        yield from (f"- {reason}" for reason in reasons)
