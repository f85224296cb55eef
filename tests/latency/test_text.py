"""benchmark.txt: the models beside each other, then the dearest ops."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.latency.text import SHOWN, as_text


def _told(**changes: Any) -> dict[str, Any]:
    """A small benchmark.json."""
    row = {"index": 4, "indices": [3, 4], "op": "WHILE", "with": {"FILL": 1}, "name": "gru/y"}
    row |= {"layer": "gru", "sizes": False, "multiply_adds": {"fixed": 0, "per_step": 12}}
    return {
        "machine": {
            "processor": "A Processor",
            "architecture": "x86_64",
            "processors": 2,
            "system": "Linux",
        },
        "models": {
            "model.tflite": {
                "ms": {"median": 1.0, "best": 0.5},
                "ratio": 1.0,
                "bytes": 12345,
                "memory_bytes": 2**20,
                "reason": "",
                "how": "recurrent.lowering: auto",
            },
            "stock": {"reason": "it crashed with SIGSEGV", "how": ""},
        },
        "settings": {"data": "random data", "inputs": {"x": [1, 100, 4]}},
        "ops": {"parts": [{**row, "ms": 0.75, "share": 1.0}], "sum_ms": 0.75, "whole_ms": 0.8},
        **changes,
    }


def test_table_tells_why_there_is_no_figure() -> None:
    """What did not convert has no figures, and its reason below the table; the ops follow."""
    alone = "each op alone, cut out of model.tflite: 0.7500 ms together"
    assert as_text(_told()).splitlines() == [
        "                median      best  ratio      size   memory",
        "model.tflite  1.000 ms  0.500 ms  1.00x  12,345 B  1.0 MiB",
        "stock                -         -      -         -        -",
        "stock: it crashed with SIGSEGV",
        "one thread, the default delegate, random data: x [1, 100, 4]",
        "A Processor, 2 of them, Linux x86_64",
        "",
        "op                   time   share  where",
        "WHILE + 1 FILL  0.7500 ms  100.0%  gru",
        f"{alone}; the whole, without feeding it: 0.8000 ms",
    ]
    untimed = as_text(_told(ops={"reason": "the process crashed"})).splitlines()
    assert untimed[-1] == "No op was timed alone: the process crashed."


def _row(index: int, **changes: Any) -> dict[str, Any]:
    row = {"index": index, "indices": [index], "op": "ADD", "with": {}, "name": f"y{index}"}
    return row | {"layer": "", "sizes": False, "ms": float(index), "share": 0.1} | changes


def _lines(*parts: dict[str, Any], **ops: Any) -> list[str]:
    told = {"parts": list(parts), "sum_ms": 1.0, "whole_ms": 1.0, **ops}
    return as_text(_told(ops=told)).splitlines()


def test_the_dearest_ops_come_first_and_the_rest_is_a_line() -> None:
    """As many as are shown, then how many more there are and what they take together."""
    lines = _lines(*(_row(k) for k in range(1, SHOWN + 4)))
    shown = [line.split()[-1] for line in lines if line.startswith("ADD")]
    assert shown == [f"y{k}" for k in range(SHOWN + 3, 3, -1)]
    assert "and 3 more, 6.0000 ms together" in lines
    assert not any("more," in line for line in _lines(*(_row(k) for k in range(SHOWN))))


def test_an_op_that_was_not_timed_says_why() -> None:
    """Behind the sum, with its place; it is no row of the table."""
    untimed = _row(3, op="SIZES", reason="it gives other numbers")
    del untimed["ms"]
    lines = _lines(untimed)
    assert lines[-1] == "SIZES, y3: not timed, it gives other numbers"
    assert len([line for line in lines if line.startswith("SIZES")]) == 1


def test_sizes_have_a_title_and_no_place() -> None:
    """They are computed in every part."""
    (line,) = (each for each in _lines(_row(1, sizes=True)) if "sizes and constants" in each)
    assert line.split("  ")[0] == "sizes and constants (1 ops)"
    assert line.endswith("10.0%")


@pytest.mark.parametrize(("processor", "named"), [("", "x86_64"), ("CPU X", "CPU X")])
def test_a_machine_without_a_name_is_its_architecture(processor: str, named: str) -> None:
    """The line says how many processors there are either way."""
    machine = {"processor": processor, "architecture": "x86_64", "processors": 4, "system": "Linux"}
    assert f"{named}, 4 of them, Linux x86_64" in as_text(_told(machine=machine)).splitlines()


def test_how_the_stock_conversion_was_made() -> None:
    """A line of its own, where it was."""
    told = _told()
    told["models"]["stock"]["how"] = "with the batch fixed"
    assert "stock: with the batch fixed" in as_text(told).splitlines()
    del told["models"]["stock"]
    assert "stock" not in as_text(told)
