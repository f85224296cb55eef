"""The stage inspect: the recurrent layers of a source, and how each will be lowered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.quantize.worth import size
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.missing import missing_ops
from rnnlite_pipeline.stages.convert import (
    Conversion,
    converted,
    in_part,
    read_limits,
    read_source,
)

#: How many reasons the table shows for a runtime; inspect.json has all of them.
REASONS = 3


def inspect(config: Config, out: Path) -> None:
    """Writes `out/inspect.json`, and a table for people as `out/inspect.txt`."""
    source = read_source(out)
    before = Counter(op.code for op in source.ops())
    findings = _findings(config, converted(source, config, read_limits(out)), before)
    text = json.dumps(findings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(out / "inspect.txt", table(findings).encode())
    write_atomically(out / "inspect.json", text.encode())


def _findings(config: Config, conversion: Conversion, before: Counter[str]) -> dict[str, Any]:
    model = conversion.model
    return {
        "name": config.name,
        "recurrences": [_layer(layer) for layer in conversion.layers],
        "composites": [
            {"name": c.name, "layer": c.layer, "package": c.package} for c in conversion.composites
        ],
        "ops_before": dict(sorted(before.items())),
        "ops": dict(sorted(Counter(op.code for op in model.ops()).items())),
        "missing_ops": [op.as_json() for op in missing_ops(model)],
        "quantization": [outcome.as_json() for outcome in conversion.quantized],
        "targets": {name: _verdict(name, model) for name in RUNTIMES},
        "bytes": len(write_model(model)),
        "float_bytes": len(conversion.before),
        "weight_bytes": weight_bytes(model),
        "multiply_adds": multiply_adds(model),
    }


def _verdict(name: str, model: Model) -> dict[str, Any]:
    verdict = RUNTIMES[name].judge(model)
    return {
        "held": verdict.held,
        "takes": verdict.takes,
        "in_part": in_part(name, model, verdict),
        "reasons": verdict.lines(),
    }


def _layer(layer: Layer) -> dict[str, Any]:
    record = {"name": layer.name, "op": layer.op, "reason": layer.reason, "gain": layer.gain}
    record |= {"zeros": layer.zeros} if layer.zeros else {}
    if layer.recurrence is None:
        return record
    return record | _described(layer.recurrence) | {"direction": layer.direction}


def _described(recurrence: Recurrence) -> dict[str, Any]:
    cell = recurrence.cell
    described: dict[str, Any] = {
        "cell": cell.kind,
        "features": cell.own_features,
        "units": cell.states[-1],
        "outputs": cell.states[0],
        "time_major": recurrence.time_major,
        "activation": getattr(cell, "activation", ""),
    }
    return described | dict(cell.facts())


def weight_bytes(model: Model) -> int:
    """The size of all constants in bytes. A constant that several ops read counts once."""
    constants = {
        id(t.data): len(t.data)
        for op in model.ops()
        for t in op.inputs
        if t is not None and t.data is not None
    }
    return sum(constants.values())


def table(findings: dict[str, Any]) -> str:
    """The findings as text for people."""
    layers = findings["recurrences"]
    rows = [("layer", "cell", "features", "units", "direction", "becomes")]
    rows += [
        (
            layer["name"],
            layer.get("cell", "loop"),
            str(layer.get("features", "")),
            str(layer.get("units", "")),
            layer.get("direction", ""),
            layer["op"],
        )
        for layer in layers
    ]
    lines = _aligned(rows) if layers else ["no recurrent layers"]
    lines += ["", *(_kept(layer) for layer in layers if layer["reason"])]
    lines += [f"{layer['name']}: {layer['gain']}" for layer in layers if layer["gain"]]
    lines += [f"{layer['name']}: {layer['zeros']}" for layer in layers if layer.get("zeros")]
    lines += [f"{c['layer']} is {c['name']}, by {c['package']}" for c in findings["composites"]]
    missing = findings["missing_ops"]
    work = findings["multiply_adds"]
    before = findings["float_bytes"]
    told = size(before, findings["bytes"]) if before else f"{findings['bytes']:,} bytes"
    lines += [
        f"size            {told}; weights {findings['weight_bytes']:,}",
        f"multiply-adds   {work['fixed']:,} a call, and {work['per_step']:,} a time step",
        f"ops             {_counted(findings['ops'])}",
        *(f"quantized       {line}" for line in _quantized(findings["quantization"])),
        *(f"missing op      {_lacking(each)}" for each in missing),
        *([] if missing else ["missing ops     none"]),
        "",
        "would run on, by what is known of each runtime:",
        *_verdicts(findings["targets"]),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _kept(layer: dict[str, Any]) -> str:
    how = "is written out" if layer["op"] == "UNROLLED" else "stays a loop"
    return f"{layer['name']} {how}: {layer['reason']}"


def _verdicts(targets: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, verdict in targets.items():
        if verdict["takes"]:
            yield f"  {name:<16}yes, by table"
            continue
        first, *others = verdict["reasons"]
        said = "in part; on the CPU: " if verdict["in_part"] else "no: "
        yield f"  {name:<16}{said}{first}"
        yield from (f"  {'':<20}{reason}" for reason in others[: REASONS - 1])
        if len(others) >= REASONS:
            yield f"  {'':<20}and {len(others) - REASONS + 1} more reasons, in inspect.json"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]


def _quantized(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The number of ops with each outcome, and the ops with a reason; inspect.json has all ops."""
    plain = Counter(each["became"] for each in outcomes if not each.get("reason"))
    if plain:
        yield ", ".join(f"{count} ops {became}" for became, count in sorted(plain.items()))
    for each in outcomes:
        if reason := each.get("reason"):
            yield f"{each['name']} ({each['op']}): {each['became']}, {reason}"


def _lacking(op: dict[str, Any]) -> str:
    return f"{op['op']} ({', '.join(op['places'])}); {op['kept_by']} would keep it"


def _counted(ops: dict[str, int]) -> str:
    items: Iterable[tuple[str, int]] = sorted(ops.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {code}" for code, count in items)
