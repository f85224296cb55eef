"""Runs a .tflite model on TensorFlow Lite Micro, in a process of its own.

TFLM ends its process where LiteRT raises, and says why on standard error only. The process is
`python -m rnnlite_pipeline.runtimes.micro MODEL`; for each call it reads one .npz from standard
input and writes one to standard output, each behind its length in 8 bytes.

The package is `tflite-micro`, a pre-release: the extra `tflm` of this distribution.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.child import environment
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes import tflm
from rnnlite_pipeline.runtimes.messages import receive, send
from rnnlite_pipeline.runtimes.rule import Refusal
from rnnlite_pipeline.runtimes.runtime import Verdict

#: The room TFLM plans tensors in; what it needs of it is reported.
ARENA_BYTES = 64 * 2**20

#: The name in a message that asks for the first states instead of a call.
_RESET = "reset"


def why_wrong(model: Model) -> list[str]:
    """Why TFLM would compute the model wrongly without an error, or cannot hold it; else empty.

    The demands of its table on a whole model, and the rule of its LSTM. Other ops and types it
    refuses itself.
    """
    found = [each for demand in tflm.table().demands for each in demand.refusals(model)]
    found += [
        Refusal(op.code, op.outputs[0].name, reason)
        for op in model.ops()
        if op.code == tflm.LSTM.op
        for reason in tflm.LSTM.reasons(op)
    ]
    return Verdict("tflm", "run", tuple(found)).lines()


class MicroRunner:
    """A model on TFLM, kept between calls. It ends with `close`, or with this process.

    Attributes:
        kernels: "tflm".
        note: Empty; nothing is replaced.
        arena_bytes: What the tensors of the model took; known after the first call.

    Raises:
        StageError: The package is missing, or TFLM has no place or op for the model.
    """

    kernels = "tflm"
    note = ""

    def __init__(self, content: bytes) -> None:
        if importlib.util.find_spec("tflite_micro") is None:
            raise StageError(
                "verification.runtimes asks for tflm, and tflite-micro is not installed.",
                "Install the extra: pip install --pre 'rnnlite[tflm]'.",
                ("targets", "tflm"),
            )
        model = read_model(content)
        if reasons := why_wrong(model):
            lines = "".join(f"\n  {reason}" for reason in reasons)
            raise StageError(
                f"TensorFlow Lite Micro would not compute this model:{lines}",
                "Change the model, or leave tflm out of verification.runtimes.",
                ("targets", "tflm"),
            )
        signature, main = model.signatures[0], model.main
        self._inputs = {n: main.inputs.index(t) for n, t in signature.inputs.items()}
        self._outputs = {n: main.outputs.index(t) for n, t in signature.outputs.items()}
        self.arena_bytes = 0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            Path(file.name).write_bytes(content)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "rnnlite_pipeline.runtimes.micro", file.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment(),
            )
            self._receive()  # the model is loaded

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model once.

        Raises:
            StageError: TFLM fails; with what it printed.
        """
        feed = {str(self._inputs[name]): array for name, array in inputs.items()}
        assert self._process.stdin is not None
        send(self._process.stdin, feed)
        results = self._receive()
        self.arena_bytes = int(results["arena"])
        return {name: results[str(index)] for name, index in self._outputs.items()}

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values.

        Raises:
            StageError: TFLM fails.
        """
        assert self._process.stdin is not None
        send(self._process.stdin, {_RESET: np.zeros(0)})
        self._receive()

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()

    def _receive(self) -> dict[str, NDArray[Any]]:
        assert self._process.stdout is not None
        results = receive(self._process.stdout)
        if results is not None:
            return results
        self._process.wait()
        self._log.seek(0)
        printed = self._log.read().decode(errors="replace").splitlines()
        own = [line for line in printed if line.strip() and not line.startswith((" ", "Trace"))]
        self.close()
        raise StageError(
            f"TensorFlow Lite Micro cannot run the model: {'; '.join(own[:3])}",
            "Leave tflm out of verification.runtimes, or replace what it lacks.",
        )


def _serve(path: str) -> None:
    """The process's own side: loads the model, then answers until standard input ends."""
    from tflite_micro.python.tflite_micro.runtime import Interpreter

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what TFLM prints is no answer
    content = Path(path).read_bytes()
    count = len(read_model(content).main.outputs)
    interpreter = Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
    send(answers, {})
    arena = 0
    while (feed := receive(sys.stdin.buffer)) is not None:
        if _RESET in feed:
            interpreter.reset()
            send(answers, {})
            continue
        for index, array in feed.items():
            interpreter.set_input(array, int(index))
        interpreter.invoke()
        arena = arena or _arena(interpreter)
        results = {str(k): interpreter.get_output(k) for k in range(count)}
        send(answers, {**results, "arena": np.asarray(arena)})


def _arena(interpreter: Any) -> int:
    """The bytes TFLM used, which it prints and does not return."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        interpreter.print_allocations()
        os.dup2(kept, 2)
        os.close(kept)
        file.seek(0)
        found = re.search(rb"Arena allocation total (\d+)", file.read())
    return int(found[1]) if found else 0


if __name__ == "__main__":
    _serve(sys.argv[1])
