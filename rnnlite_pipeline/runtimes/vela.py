"""Compiles a .tflite for an Ethos-U NPU by Vela, in a process of its own."""

from __future__ import annotations

import csv
import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.rule import Refusal

#: The accelerator that each target stands for: the middle one of its family.
ACCELERATORS = {
    "ethos-u55": "ethos-u55-128",
    "ethos-u65": "ethos-u65-256",
    "ethos-u85": "ethos-u85-256",
}

INSTALL = "pip install 'rnnlite[ethos-u]'"

#: The custom op that stands for what the NPU computes. Vela counts all operations of a model as its
#: passes, before some are put together; "NPU operators" in what it prints is of one graph only.
_NPU = "ethos-u"

#: Longer than Vela takes for any model of this project; it is ended then. In seconds.
SECONDS = 600.0


@dataclass(frozen=True)
class Compiled:
    """What Vela made of a model.

    Attributes:
        target: The target's name.
        accelerator: Vela's name of the accelerator.
        model: The compiled .tflite, for TensorFlow Lite Micro with the Ethos-U kernel.
        npu_ops: How many operations run on the NPU in all graphs of the model, as Vela counts them
            after its own rewriting.
        cpu_ops: The ops that are left to the CPU, each with Vela's reason. CALL_ONCE is none of
            them: it acts once, before the first call.
        cycles: The cycles of one inference, as Vela estimates them; of a loop, one turn only.
        sram_bytes: The SRAM used for the NPU's part.
        flash_bytes: The flash, or DRAM on Ethos-U85, used for weights and commands.
        macs: The multiply-adds of one inference on the NPU.
    """

    target: str
    accelerator: str
    model: bytes
    npu_ops: int
    cpu_ops: tuple[Refusal, ...]
    cycles: int
    sram_bytes: int
    flash_bytes: int
    macs: int

    @property
    def npu_share(self) -> float:
        """The share of operations on the NPU, from 0 to 1; 0 of a model without operations."""
        total = self.npu_ops + len(self.cpu_ops)
        return self.npu_ops / total if total else 0.0


def missing() -> str:
    """What is not installed, and the command that installs it; empty where it is."""
    if importlib.util.find_spec("ethosu") is None:
        return f"Vela is not installed: {INSTALL}"
    return ""


def compile_model(content: bytes, target: str) -> Compiled:
    """Compiles a model.

    Args:
        content: The .tflite file.
        target: "ethos-u55", "ethos-u65" or "ethos-u85".

    Raises:
        StageError: Vela is missing, or refuses the model; with what it said.
    """
    if reason := missing():
        raise StageError(f"A model cannot be compiled for {target} here. {reason}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(content)
        accelerator = ACCELERATORS[target]
        printed = _run_vela(path, accelerator, target)
        made = Path(folder, "out", "model_vela.tflite").read_bytes()
        (summary,) = Path(folder, "out").glob("model_summary_*.csv")
        figures = next(csv.DictReader(summary.read_text(encoding="utf-8").splitlines()))
    ops = [op for graph in read_model(made).subgraphs for op in graph.ops if op.code != _NPU]
    return Compiled(
        target,
        accelerator,
        made,
        int(figures["passes_before_fusing"]) - len(ops),
        tuple(_left(op, printed) for op in ops if op.code != "CALL_ONCE"),
        round(float(figures["cycles_total"])),
        _bytes(figures, "sram"),
        sum(_bytes(figures, kind) for kind in ("dram", "on_chip_flash", "off_chip_flash")),
        int(figures["nn_macs"]),
    )


def _run_vela(path: Path, accelerator: str, target: str) -> str:
    words = ("--accelerator-config", accelerator, "--show-cpu-operations", "--output-dir")
    try:
        ended = subprocess.run(
            [
                sys.executable,
                "-P",
                "-m",
                "ethosu.vela",
                *words,
                str(path.parent / "out"),
                str(path),
            ],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StageError(f"Vela did not compile the model for {target} in time.") from None
    if ended.returncode != 0:
        raise StageError(
            f"Vela cannot compile the model for {target}: {_said(ended.stderr + ended.stdout)}",
            "See `rnnlite targets` for what it takes; NPUs compute in integers only.",
        )
    return ended.stdout


def _said(printed: str) -> str:
    """The error and its details, without the traceback before it."""
    lines = printed.splitlines()
    start = next((k for k, line in enumerate(lines) if "Error: " in line), None)
    if start is None:
        return lines[-1] if lines else "no message"
    first = lines[start].rpartition("Error: ")[2]
    details = (line.strip(" -") for line in lines[start + 1 : start + 4])
    return "; ".join([first, *filter(None, details)])


def _left(op: Op, printed: str) -> Refusal:
    """An op of the compiled model that is not the NPU's, with what Vela said of it."""
    reasons = {(code, name): reason for code, name, reason in _REASON.findall(printed)}
    by_code = {code: reason for (code, _), reason in reasons.items()}
    tensors = op.outputs or [t for t in op.inputs if t is not None]  # ASSIGN_VARIABLE has no output
    name = tensors[0].name
    said = reasons.get((op.code, name)) or by_code.get(op.code)
    return Refusal(op.code, name, said or "Vela leaves it to the CPU")


#: "Warning (supported operators) operator: DEQUANTIZE, ofm: 'y0'" and the next line's reason.
_REASON = re.compile(r"operator: (\w+), ofm: '([^']*)'\nReason: ([^\n]*)")


def _bytes(figures: dict[str, str], kind: str) -> int:
    """A size that the summary gives in KiB."""
    return round(float(figures[f"{kind}_memory_used"]) * 1024)
