"""The tables as text, JSON and Markdown."""

from __future__ import annotations

import json
from pathlib import Path

from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.text import as_json, as_markdown, as_text


def test_text_and_json_tell_the_same() -> None:
    """Every op of every table stands in both, with its source."""
    text, told = as_text(), as_json()
    assert json.loads(json.dumps(told)) == told
    assert [each["name"] for each in told] == list(RUNTIMES)
    for each in told:
        assert f"{each['name']}: {each['what']}" in text
        assert {op["op"] for op in each["ops"]} == {
            r.op for r in RUNTIMES[each["name"]].table.rules
        }
        assert all(op["source"]["version"] for op in each["ops"])


def test_the_guide_is_fresh() -> None:
    """The overview in docs/guides/targets.md is what the tables give."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "targets.md"
    assert as_markdown() in guide.read_text("utf-8"), (
        "put what `python -m rnnlite_pipeline.runtimes.text` prints into docs/guides/targets.md"
    )


def test_limits_stand_beside_an_op_with_the_source_where_it_is_another() -> None:
    """The table's own source is told once, at its head."""
    lines = as_text(["litert"]).splitlines()
    table = RUNTIMES["litert"].table
    assert lines[2] == f"  {len(table.rules)} ops are taken [{table.source}]"
    (absolute,) = (line for line in lines if line.split()[:1] == ["ABS"])
    assert absolute == f"    {'ABS':<28}  version up to 5"
    (lstm,) = (line for line in lines if line.split()[:1] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"])
    assert lstm.endswith("unidirectional_sequence_lstm.cc @ f67457790c9c, 2026-08-21]")


def test_a_list_of_refused_ops_says_so() -> None:
    """Where a table lists only what is refused, all other ops are taken."""
    count = len(RUNTIMES["google-tensor"].table.rules)
    assert f"  {count} ops are refused, all others taken [" in as_text(["google-tensor"])
    (google,) = as_json(["google-tensor"])
    assert google["others"] == "taken"
    assert not any(op["taken"] for op in google["ops"])


def test_named_runtimes_stand_in_the_order_asked_for() -> None:
    """One empty line between two, none before the first."""
    text = as_text(["tflm", "litert"])
    heads = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert [head.partition(":")[0] for head in heads] == ["tflm", "litert"]
    assert text.splitlines().count("") == 1
    assert [each["name"] for each in as_json(["tflm", "litert"])] == ["tflm", "litert"]
