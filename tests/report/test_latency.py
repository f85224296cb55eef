"""The section on what each op takes."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.report.latency import SHOWN, counted, measured
from tests.report.samples import text


def part(name: str, fixed: int = 0, per_step: int = 0, weights: int = 0, **more: Any) -> Any:
    """A row of latency/rows.py."""
    return {
        "op": "MUL",
        "with": {},
        "name": name,
        "layer": "",
        "sizes": False,
        "multiply_adds": {"fixed": fixed, "per_step": per_step},
        "weight_bytes": weights,
        **more,
    }


def benchmark(models: dict[str, Any], ops: dict[str, Any], processor: str = "CPU") -> Any:
    """A benchmark.json."""
    machine = {"processor": processor, "architecture": "a", "processors": 1, "system": "S"}
    settings = {"inputs": {"x": [1, 7, 3], "s": []}, "data": "random data"}
    return {"machine": machine, "settings": settings, "models": models, "ops": ops}


NONE = {"reason": "it is too small"}


def test_the_most_work_comes_first() -> None:
    """Of equal work the larger weights; an op without work is left out."""
    rows = [
        part("none", weights=99),
        part("small", 25),
        part("light", 50, weights=1),
        part("heavy", 50, weights=2),
        part("loop", 25, 50),
    ]
    shown = counted(rows)
    said = text(shown.html)
    assert said.index("loop") < said.index("heavy") < said.index("light") < said.index("small")
    assert "MUL 25 + 50 per step 38% 0 B loop" in said
    assert "none" not in said
    assert "times differ between machines" in shown.note


def test_a_model_without_products_says_so() -> None:
    """An empty table is a sentence; so is a model without ops."""
    for rows in ([part("a")], []):
        assert "No op multiplies matrices." in counted(rows).html


def test_the_note_can_say_why_there_are_no_times() -> None:
    """Instead of the usual one."""
    assert counted([], "another model").note == "another model"


def test_only_the_ops_with_most_work_are_listed() -> None:
    """The table stays short."""
    shown = counted([part(f"t{i}", i + 1) for i in range(SHOWN + 3)])
    assert shown.html.count("<tr>") == SHOWN + 1
    assert ">t2<" not in shown.html


def test_models_have_their_time_beside_that_of_this_model() -> None:
    """This one first, then the stock conversion; one that did not run says why."""
    models = {
        "lowering: loop": {"ms": {"median": 1.0}, "ratio": 2.0, "bytes": 500, "how": "h"},
        "stock": {"reason": "it <crashed>", "bytes": 0},
        "model.tflite": {"ms": {"median": 0.5}, "ratio": 1.0, "bytes": 1000, "how": "own"},
    }
    shown = measured(benchmark(models, NONE, processor=""))
    said = text(shown.html)
    assert said.index("model.tflite 500.0 µs") < said.index("stock") < said.index("lowering: loop")
    assert "1.00 × 1,000 B 1.00 × own" in said
    assert "1.00 ms 2.00 × 500 B 0.50 × h" in said
    assert "stock it &lt;crashed&gt;" in said
    assert "Measured on a (1 processors, S a)" in shown.note
    assert "x 1 × 7 × 3, s ." in shown.note


def test_no_op_was_timed() -> None:
    """The reason is told; a benchmark in which nothing ran is still a page."""
    models = {"model.tflite": {"reason": "it hangs"}}
    said = text(measured(benchmark(models, NONE)).html)
    assert "No op was timed alone: it is too small." in said
    assert "it hangs" in said


def test_ops_are_listed_by_time_and_the_rest_is_summed() -> None:
    """An op that could not be timed is named with its reason."""
    parts = [part(f"t{i}", ms=0.01 * (i + 1), share=0.01 * (i + 1)) for i in range(SHOWN + 2)]
    parts.append(part("odd", reason="it needs a <state>"))
    ops = {"parts": parts, "sum_ms": 1.05, "whole_ms": 1.0}
    models = {"model.tflite": {"ms": {"median": 1.0}, "ratio": 1.0, "how": ""}}
    said = text(measured(benchmark(models, ops)).html)
    assert f"Together the ops take {1.05:.2f} ms" in said
    assert "2 ops not shown: 30.0 µs." in said
    assert "MUL, odd: it needs a &lt;state&gt;" in said
    assert said.index(f"t{SHOWN + 1}") < said.index("t2 ")


@pytest.mark.parametrize("ms", [0.0, 1e-9])
def test_a_time_of_zero_has_a_bar(ms: float) -> None:
    """A clock that counts coarsely does not break the page."""
    ops = {"parts": [part("t", ms=ms, share=0.0)], "sum_ms": ms, "whole_ms": ms}
    models = {"model.tflite": {"ms": {"median": ms}, "ratio": 1.0, "how": ""}}
    assert "0.0 µs" in text(measured(benchmark(models, ops)).html)
