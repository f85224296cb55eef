"""The section on a quantized model."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlite_pipeline.report.evidence import Accuracy, Check, Evidence, Facts
from rnnlite_pipeline.report.quantization import CHARTS, quantization
from tests.report.samples import text


def quantized(count: int) -> Evidence:
    """A model of which one op stayed in float, and got larger."""
    ops: list[dict[str, Any]] = [
        {"op": "ADD", "name": f"a{i}", "became": "int8"} for i in range(count)
    ]
    ops.append(
        {"op": "CUMSUM", "name": "<sum>", "became": "float32", "reason": "no integer kernel"}
    )
    found = Evidence(Facts("m"))
    figures = {"float": 10_000, "quantized": 12_000, "ratio": 1.2}
    found.facts.quantization = {"scheme": "int8", "ops": ops, "bytes": figures}
    run: dict[str, Any] = {"data": "data", "kernels": "default", "output": "y", "call": 1}
    found.checks.append(Check("equals the source", True, **run, max_abs_error=0.02, limit=0.1))
    found.accuracy.append(Accuracy("y", "default", 10, 0.9, 0.8))
    return found


def test_a_quantized_model_has_its_summary_first() -> None:
    """What became integer, what stayed float and why, cost and gain: before the list of all ops."""
    shown = quantization(quantized(90))
    assert shown is not None
    summary, details = shown.html.split("<details>", 1)
    said = text(summary)
    assert "Of 91 ops that could be quantized, 90 became int8; 1 stayed in float32" in said
    assert "The largest error is 2.0e-02, 20% of the limit; accuracy is 80.00%" in said
    assert "12.0 kB instead of 10.0 kB in float: 20% larger." in said
    assert "What it gained" not in said
    assert said.index("float32 1 CUMSUM &lt;sum&gt; no integer kernel") < said.index("90 ADD")
    assert details.count("<tr>") == 92


def test_without_a_scheme_there_is_no_such_section() -> None:
    """A float model says nothing of quantization."""
    assert quantization(Evidence(Facts("m"))) is None


def said_of(found: Evidence) -> str:
    """The text of the section."""
    shown = quantization(found)
    assert shown is not None
    return text(shown.html)


def quantized_to(before: int, after: int, *ops: dict[str, Any], **more: Any) -> Evidence:
    """A model of these sizes and outcomes."""
    sizes = {"float": before, "quantized": after}
    told = {"scheme": "int8", "ops": ops, "bytes": sizes, **more}
    return Evidence(Facts("m", quantization=told))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (10_000, 2_500, "What it gained 2,500 B instead of 10.0 kB in float: 75% smaller."),
        (10_000, 12_000, "What it did to the size 12.0 kB instead of 10.0 kB in float: 20% larger"),
        (1_000, 1_000, "What it did to the size 1,000 B, as large as in float."),
    ],
)
def test_the_size_is_smaller_larger_or_the_same(before: int, after: int, said: str) -> None:
    """Only a smaller model is called a gain."""
    assert said in said_of(quantized_to(before, after))


@pytest.mark.parametrize(
    ("error", "limit", "said"),
    [
        (0.02, 0.1, "The largest error is 2.0e-02, 20% of the limit."),
        (0.02, None, "The largest error is 2.0e-02."),
        (float("inf"), 0.1, "The largest error is infinite."),
    ],
)
def test_a_part_of_the_limit_is_told_where_there_is_one(
    error: float, limit: float | None, said: str
) -> None:
    """No half sentence where the error is infinite or has no limit."""
    found = quantized_to(2, 1)
    found.checks.append(Check("c", False, call=1, max_abs_error=error, limit=limit))
    assert said in said_of(found)


def test_without_checks_the_cost_is_not_known() -> None:
    """A verification that broke off has no sentence on the cost."""
    assert "What it cost" not in said_of(quantized_to(2, 1))


def test_the_noisiest_value_is_called_by_its_layer() -> None:
    """Else by its tensor, of which the first name counts."""
    worst = [{"tensor": "a;b", "snr_db": 12.34}, {"tensor": "c", "value": "gru", "snr_db": 20.0}]
    said = said_of(quantized_to(2, 1, worst=worst))
    assert "The noisiest value, a, is 12.3 dB above its noise." in said
    assert "gru 20.0" in said


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], "Of 0 ops that could be quantized, none stayed in float32."),
        (["int8"], "Of 1 op that could be quantized, 1 became int8; none stayed in float32."),
        (["float32"], "1 op that could be quantized, 1 stayed in float32; the table says why."),
        (
            ["int8", "int8 weights", "float32"],
            "1 became int8 and 1 became int8 weights; 1 stayed in float32",
        ),
    ],
)
def test_the_first_sentence_counts(outcomes: list[str], said: str) -> None:
    """What became of the ops, and how many stayed as they were."""
    ops = [{"op": "ADD", "name": "a", "became": became} for became in outcomes]
    assert said in said_of(quantized_to(2, 1, *ops))


def test_the_summary_starts_with_what_stayed_in_float() -> None:
    """Then the forms in their order; a form of a newer version comes last, as it is."""
    ops = [
        {"op": "ADD", "name": "a", "became": "int4"},
        {"op": "MUL", "name": "l/level_0_2;x", "became": "int8"},
        {"op": "ADD", "name": "b", "became": "float32", "reason": "it is <odd>"},
    ]
    summary = said_of(quantized_to(2, 1, *ops)).partition("What became of each")[0]
    assert "float32 1 ADD b it is &lt;odd&gt;" in summary
    assert "int8 1 MUL l computes with int8 weights and values" in summary
    assert summary.index("float32 1") < summary.index("int8 1") < summary.index("int4 1 ADD a")


def test_many_ops_are_told_by_kind() -> None:
    """The most frequent ones by name, the rest as a number."""
    codes = ["ADD"] * 3 + ["MUL"] * 2 + ["SUB", "DIV", "EXP", "ABS", "NEG"]
    ops = [{"op": code, "name": f"t{i}", "became": "int8"} for i, code in enumerate(codes)]
    assert "3 ADD, 2 MUL, 1 SUB, 1 DIV, 1 EXP and 2 others" in said_of(quantized_to(2, 1, *ops))


@pytest.mark.parametrize(
    ("name", "inside", "said"),
    [("body/mul", "lstm", "body/mul in lstm"), ("lstm/mul", "lstm", "lstm/mul int8")],
)
def test_an_op_in_a_loop_says_in_which(name: str, inside: str, said: str) -> None:
    """Unless its own name begins with that of the layer."""
    op = {"op": "MUL", "name": name, "inside": inside, "became": "int8"}
    details = said_of(quantized_to(2, 1, op)).partition("What became of each")[2]
    assert said in details


@pytest.mark.parametrize(("more", "said"), [(0, ""), (1, "1 layer with less noise is not shown.")])
def test_the_noisiest_layers_have_charts(more: int, said: str) -> None:
    """The others are counted."""
    layers = [
        {"tensor": f"l{i}", "snr_db": 10.0 + i, "snr_db_by_step": [1.0, 2.0]}
        for i in range(CHARTS + more)
    ]
    shown = said_of(quantized_to(2, 1, recurrent=layers[::-1]))
    assert "l0: 10.0 dB in all" in shown
    assert f"l{CHARTS}:" not in shown
    assert ("not shown" in shown) == bool(more)
    assert said in shown


def test_why_the_noise_was_not_measured() -> None:
    """The reason is told, as text."""
    assert "was not measured: a <b>" in said_of(quantized_to(2, 1, not_measured="a <b>")).replace(
        "&lt;", "<"
    ).replace("&gt;", ">")
