"""The tables: every target has one with sources, and it refuses what the runtime cannot do."""

from __future__ import annotations

from typing import get_args

import pytest

from rnnlite_pipeline.config.conversion import Target
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.runtimes import RUNTIMES
from tests.runtimes.models import a_gru, an_lstm, lowered
from tests.runtimes.single_ops import single_op

FUSED = lowered(an_lstm(), "fused")
LOOP = lowered(a_gru(), "loop")
OPEN_LOOP = lowered(a_gru(), "loop", open_batch=True, open_steps=True)

#: What takes a float loop with closed sizes.
LOOPS = {"litert", "litert-compiled", "litert-web", "tflm", "tflm-cmsis-nn", "google-tensor"}


def refused(target: str, model: Model) -> list[str]:
    """The codes of the ops that a target refuses."""
    return [each.op for each in RUNTIMES[target].judge(model).refusals]


def test_every_target_of_the_config_has_a_table() -> None:
    """The key `targets` names exactly the runtimes, in one order."""
    assert get_args(Target) == tuple(RUNTIMES)


@pytest.mark.parametrize("name", RUNTIMES)
def test_tables_name_real_ops_and_their_sources(name: str) -> None:
    """Each rule is for a builtin op of the schema, and says where it was read."""
    table = RUNTIMES[name].table
    known = schema.enum_values("BuiltinOperator")
    assert table.rules
    assert all(rule.op in known for rule in table.rules)
    assert len({rule.op for rule in table.rules}) == len(table.rules)
    sources = [table.source, *(r.source for r in table.rules), *(d.source for d in table.demands)]
    assert all(source.at and source.version for source in sources)


@pytest.mark.parametrize("name", RUNTIMES)
def test_fused_float_lstm(name: str) -> None:
    """A fused float LSTM is taken by the Interpreter and on TensorFlow Lite Micro, nowhere else."""
    takes = RUNTIMES[name].judge(FUSED).takes
    assert takes == (name in {"litert", "tflm", "tflm-cmsis-nn"})


@pytest.mark.parametrize("name", RUNTIMES)
def test_float_loop(name: str) -> None:
    """A closed loop is taken where there is a WHILE, and elsewhere the loop is named once."""
    verdict = RUNTIMES[name].judge(LOOP)
    assert verdict.takes == (name in LOOPS)
    if name not in LOOPS | {"edgetpu"}:
        assert [r.op for r in verdict.refusals if "level" in r.name] == ["WHILE"]


@pytest.mark.parametrize("name", RUNTIMES)
def test_open_loop(name: str) -> None:
    """An open loop is taken by LiteRT's own two APIs; others name the input or an op."""
    verdict = RUNTIMES[name].judge(OPEN_LOOP)
    assert verdict.takes == (name in {"litert", "litert-compiled"})
    if name not in {"litert", "litert-compiled", "mediatek", "google-tensor"}:
        first = verdict.refusals[0]
        assert (first.op, first.name) == ("INPUT", "x")
        assert "source.inputs" in first.reason


def test_tflm_names_the_op_that_a_mask_needs() -> None:
    """REDUCE_ANY, which TensorFlow Lite Micro lacks, is refused by name."""
    assert refused("tflm", single_op("REDUCE_ANY", "BOOL")) == ["REDUCE_ANY"]
    assert refused("tflm", single_op("REDUCE_ALL", "BOOL")) == []
