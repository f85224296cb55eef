"""The tables: every target has one with sources, and it refuses what the runtime cannot do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from rnnlite_pipeline.config.conversion import Target
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.runners import RUNNERS
from rnnlite_pipeline.runtimes.text import as_json, as_markdown, as_text
from tests.lower.loop_cases import masked
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered
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


def test_what_is_run_has_a_runner() -> None:
    """A runtime is held to by running exactly where this project can run it."""
    assert {name for name, runtime in RUNTIMES.items() if runtime.held == "run"} == set(RUNNERS)


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


def test_loader_refuses_states_behind_every_compiled_api() -> None:
    """The fused op is named, not what writes its states, and the reason is the runtime's own."""
    for name in ("litert-compiled", "litert-web", "qualcomm", "mediatek", "google-tensor"):
        found = [r for r in RUNTIMES[name].judge(FUSED).refusals if "Variable tensors" in r.reason]
        assert [r.op for r in found] == ["UNIDIRECTIONAL_SEQUENCE_LSTM"], name
        assert "lowering loop or unrolled" in found[0].reason


def test_web_has_no_int8_inputs() -> None:
    """LiteRT.js has no int8 tensors: such inputs and outputs are refused, inner ones are not."""
    loop = lowered(a_gru(), "loop")
    assert RUNTIMES["litert-web"].judge(in_integers(loop)).takes
    assert refused("litert-web", in_integers(loop, "int8", "int8")) == ["INPUT", "OUTPUT"]


def test_tflm_names_the_op_that_a_mask_needs() -> None:
    """REDUCE_ANY, which TensorFlow Lite Micro lacks, is refused by name."""
    assert refused("tflm", single_op("REDUCE_ANY", "BOOL")) == ["REDUCE_ANY"]
    assert refused("tflm", single_op("REDUCE_ALL", "BOOL")) == []


def test_cmsis_nn_starts_from_zero() -> None:
    """An integer LSTM with a given, a kept or a read state is refused there; a float one is not."""
    name = "tflm-cmsis-nn"
    assert refused(name, in_integers(lowered(an_lstm(), "fused"))) == []

    given = in_integers(lowered(an_lstm(), "fused"))
    writer, state = state_and_writer(given)
    assert writer.inputs[0] is not None
    assert writer.inputs[0].data is not None
    writer.inputs[0].data = bytes([7] * len(writer.inputs[0].data))
    assert f"is given the state {state.name}" in RUNTIMES[name].judge(given).refusals[0].reason

    kept = in_integers(lowered(an_lstm(), "fused"))
    writer, state = state_and_writer(kept)
    kept.main.ops.remove(writer)
    assert f"keeps its state {state.name}" in RUNTIMES[name].judge(kept).refusals[0].reason

    read = in_integers(lowered(an_lstm(), "fused"))
    _, state = state_and_writer(read)
    last = Tensor("last", state.dtype, state.shape, quantization=state.quantization)
    read.main.ops.append(make_op("RESHAPE", [state], [last]))
    assert f"value of {state.name} is read" in RUNTIMES[name].judge(read).refusals[0].reason

    for model in (given, kept, read):
        assert refused("tflm", model) == []
    assert refused(name, lowered(an_lstm(), "fused", initial=("row", "row"))) == []


def state_and_writer(model: Model) -> tuple[Op, Tensor]:
    """The op that writes the state of the model's LSTM at the start of a call, and the state."""
    (lstm,) = (op for op in model.ops() if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    state = lstm.inputs[18]
    assert state is not None
    return next(op for op in model.ops() if state in op.outputs), state


def test_gpu_takes_slices_of_rank_3_and_4_only() -> None:
    """The rank of a slice is checked."""
    assert refused("litert-gpu", single_op("SLICE", "FLOAT32")) == ["SLICE"]
    assert refused("litert-gpu", single_op("CONCATENATION", "FLOAT32")) == []
    assert refused("litert-gpu", single_op("ADD", "INT32")) == ["ADD"]


def test_lines_group_what_has_one_reason() -> None:
    """A verdict's text names some tensors and counts the others."""
    verdict = RUNTIMES["edgetpu"].judge(LOOP)
    lines = verdict.lines(most=1)
    assert len(lines) < len(verdict.refusals)
    assert any(" and " in line and " more)" in line for line in lines)


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


def test_edge_tpu_advises_int8_only_where_that_helps() -> None:
    """A float model is to be quantized; of an int8 model only inputs and outputs can be changed."""
    loop = lowered(a_gru(), "loop")
    reasons = _float_reasons(loop)
    assert all("quantization.scheme int8" in reason for reason in reasons.values())
    ports = _float_reasons(in_integers(loop))
    assert "quantization.input_type int8" in ports.pop("x")
    assert any("quantization.output_type int8" in reason for reason in ports.values())
    inner = _float_reasons(in_integers(lowered(masked(an_lstm()), "loop"), "int8", "int8"))
    assert inner
    assert not any("quantization" in reason for reason in inner.values())


def _float_reasons(model: Model) -> dict[str, str]:
    """Why the Edge TPU refuses each float tensor."""
    refusals = RUNTIMES["edgetpu"].judge(model).refusals
    return {r.name: r.reason for r in refusals if "float32; " in r.reason}
