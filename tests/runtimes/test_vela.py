"""Vela: what runs on the NPU, what is left to the CPU, and that the tables are Vela's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES, ethos_u, vela
from tests.runtimes.models import a_gru, an_lstm, in_integers, lowered
from tests.state.test_quantized import closed

needs_vela = pytest.mark.skipif(bool(vela.missing()), reason=vela.missing())

FUSED = in_integers(lowered(an_lstm(), "fused"), "int8", "int8")
LOOP = in_integers(lowered(a_gru(), "loop"), "int8", "int8")


@needs_vela
@pytest.mark.parametrize("target", vela.ACCELERATORS)
def test_an_int8_lstm_runs_wholly_on_the_npu(target: str) -> None:
    """All operations of a fused LSTM with int8 inputs and outputs; the table says so before."""
    compiled = vela.compile_model(write_model(FUSED), target)
    assert RUNTIMES[target].judge(FUSED).takes
    assert (compiled.npu_share, compiled.cpu_ops) == (1.0, ())
    assert compiled.npu_ops > 50
    assert min(compiled.cycles, compiled.sram_bytes, compiled.flash_bytes, compiled.macs) > 0
    assert b"ethos-u" in compiled.model


@needs_vela
@pytest.mark.parametrize("target", vela.ACCELERATORS)
def test_a_loop_stays_on_the_cpu(target: str) -> None:
    """The loop itself and its bookkeeping are named, with Vela's reasons, and cost the share."""
    compiled = vela.compile_model(write_model(LOOP), target)
    assert compiled.npu_share < 1
    codes = [each.op for each in compiled.cpu_ops]
    assert {"WHILE", "DYNAMIC_UPDATE_SLICE", "GATHER"} <= set(codes)
    assert all(each.reason for each in compiled.cpu_ops)
    assert not RUNTIMES[target].judge(LOOP).takes


@needs_vela
def test_float_inputs_are_left_to_the_cpu() -> None:
    """QUANTIZE and DEQUANTIZE of float values are the CPU's; the table says the same."""
    model = in_integers(lowered(an_lstm(), "fused"))
    compiled = vela.compile_model(write_model(model), "ethos-u55")
    judged = {(r.op, r.name) for r in RUNTIMES["ethos-u55"].judge(model).refusals}
    assert {(r.op, r.name) for r in compiled.cpu_ops} == judged
    assert {op for op, _ in judged} == {"QUANTIZE", "DEQUANTIZE"}


@needs_vela
def test_float_lstms_are_refused_with_velas_words() -> None:
    """What Vela cannot read is an error that says why, without a traceback."""
    model = lowered(an_lstm(), "fused")
    with pytest.raises(StageError, match="IFM must be INT8 or INT16") as raised:
        vela.compile_model(write_model(model), "ethos-u55")
    assert "Traceback" not in str(raised.value)


@needs_vela
@pytest.mark.parametrize(
    ("architecture", "ops"),
    [("EthosU55", ethos_u.U55), ("EthosU85", ethos_u.U55 + ethos_u.U85_MORE)],
)
def test_the_list_for_machines_without_vela_is_velas(architecture: str, ops: str) -> None:
    """The ops that are listed here are those that Vela reports."""
    said = ethos_u.constraints(architecture)
    assert said is not None
    assert sorted(said) == sorted(ops.split())


def test_a_missing_vela_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error says how it is installed."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"pip install 'rnnlite\[ethos-u\]'"):
        vela.compile_model(b"", "ethos-u55")


@needs_vela
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_u55_reverses_nothing(axis: int) -> None:
    """Vela's list has REVERSE_V2 for it, and its compiler refuses it: so does the table."""
    scale = Quantization((0.1,), (0,))
    x, y = (Tensor(name, "INT8", (1, 5, 6), quantization=scale) for name in "xy")
    op = make_op("REVERSE_V2", [x, Tensor.constant("axis", np.array([axis], np.int32))], [y])
    model = Model([Subgraph("main", [x], [y], [op])])
    for target, takes in (("ethos-u55", False), ("ethos-u65", False), ("ethos-u85", True)):
        assert RUNTIMES[target].judge(model).takes == takes
        assert (vela.compile_model(write_model(model), target).npu_share == 1.0) == takes


@needs_vela
@pytest.mark.slow
def test_vela_reads_a_cell_state_before_the_op_has_run(tmp_path: Path) -> None:
    """Its commands copy the first cell state to the result: why the table refuses that read."""
    model = closed(tmp_path, "explicit", "int8", 2)
    refusals = {r.reason for r in RUNTIMES["ethos-u55"].judge(model).refusals}
    assert "its last cell state is read; Vela reads it before the op has run" in refusals
    path = tmp_path / "m.tflite"
    path.write_bytes(write_model(model))
    command = [sys.executable, "-m", "ethosu.vela", str(path), "--output-dir", str(tmp_path)]
    options = ["--accelerator-config", "ethos-u55-128", "--verbose-high-level-command-stream"]
    said = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    copies = re.findall(r"MemoryCopy.*\n +IFM: ([^,]+),.*\n +OFM: ([^,]+),", said)
    found = [a for a, b in copies if b == "keeper/concatenation/int16"]
    assert [name.removesuffix("/int16") for name in found] == ["keeper/c_in"]
