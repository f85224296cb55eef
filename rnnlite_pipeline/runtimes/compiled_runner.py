"""Runs a .tflite on LiteRT's CompiledModel, on the CPU, in a process of its own.

The order of calls matters where a dimension is open. What goes wrong otherwise, and why:

- `create_output_buffers` sizes a buffer by what the runtime knows before the call. A tensor whose
  size an op computes while the model runs, as behind a loop of open length, has a stale size
  until then: mostly 1 for each open dimension.
- The runtime checks that a buffer is large enough with the wrong index: `PrepareOpsAndTensors`
  (tflite/core/subgraph.cc) uses places of the execution plan as places of nodes. With a delegate
  applied they differ, and the output of a delegated part is not checked at all. It is then
  written past the end of its buffer: a dense layer of 6 units, with 3 rows into a buffer for 1,
  writes 12 numbers too many.

So here the inputs are resized first, then their buffers are made, and the outputs' buffers are
memory of ours, as large as the Interpreter says that these outputs are. Buffers that were made
before a resize are never used after it.
"""

from __future__ import annotations

import contextlib
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
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Signature, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import RESET
from rnnlite_pipeline.runtimes.messages import receive, send

#: A buffer's first byte must stand at a multiple of this (kDefaultTensorAlignment).
_ALIGNMENT = 64


#: What the names of inputs begin with in a message; a message without them asks for a reset.
_INPUT = "input/"


class CompiledRunner:
    """A model on CompiledModel, kept between calls. It ends with `close`, or with this process.

    Attributes:
        kernels: "litert-compiled".
        note: Empty; nothing is replaced.

    Raises:
        StageError: LiteRT does not load the model; with what it printed.
    """

    kernels = "litert-compiled"
    note = ""

    def __init__(self, content: bytes) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            Path(file.name).write_bytes(content)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, file.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment(),
            )
            self._answer("load")

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model once.

        Args:
            inputs: One array for each input of the signature, open dimensions of any size.

        Returns:
            The outputs by name, of the shapes that the Interpreter gives them.

        Raises:
            StageError: The runtime fails, or its process crashed.
        """
        self._send({_INPUT + name: array for name, array in inputs.items()})
        return self._answer("run")

    def reset(self) -> None:
        """Gives the states that the model keeps between calls their first values.

        Raises:
            StageError: The model has no signature `reset`.
        """
        self._send({RESET: np.zeros(0)})
        self._answer("reset")

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()

    def _send(self, message: Mapping[str, NDArray[Any]]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended; `_answer` says why
            send(self._process.stdin, message)

    def _answer(self, what: str) -> dict[str, NDArray[Any]]:
        assert self._process.stdout is not None
        results = receive(self._process.stdout)
        if results is not None:
            return results
        status = self._process.wait()
        self._log.seek(0)
        printed = self._log.read().decode(errors="replace").splitlines()
        self.close()
        raise StageError(
            f"LiteRT's CompiledModel cannot {what} the model: {_reason(printed, status)}",
            "Leave litert-compiled out of targets, or see `rnnlite targets` for what it takes.",
        )


#: What LiteRT puts before a message: "ERROR: [model_load.cc:123] ", or "ERROR: " alone.
_MARK = re.compile(r"^ERROR:\s*(\[[^\]]*:\d+\]\s*)?")


def _reason(printed: list[str], status: int) -> str:
    """Why the process failed, by what it printed; the search for accelerators does not count."""
    errors = [
        _MARK.sub("", line)
        for line in printed
        if line.startswith("ERROR") and "compiler_plugin" not in line
    ]
    if errors:
        return "; ".join(dict.fromkeys(errors[:3]))
    raised = [line for line in printed if "Error: " in line and not line.startswith("WARNING")]
    if raised:
        return raised[-1].partition("Error: ")[2]
    return f"its process ended with status {status}"


class Served:
    """What runs in that process: one CompiledModel, and an Interpreter for the sizes of outputs.

    Args:
        content: The .tflite file.
        path: Where it stands.
    """

    def __init__(self, content: bytes, path: str) -> None:
        from ai_edge_litert.compiled_model import CompiledModel

        self._content = content
        self._model = CompiledModel.from_file(path)
        main = _main_signature(content)
        self._key = main.key
        self._index = max(self._model.get_signature_index(main.key), 0)
        listed = self._model.get_signature_by_index(self._index)
        self._names = (listed["inputs"], listed["outputs"])
        self._tensors = main.inputs, main.outputs
        self._open = any(_is_open(tensor) for tensor in main.inputs.values())
        self._sizes: dict[tuple[tuple[int, ...], ...], dict[str, tuple[int, ...]]] = {}
        self._now: tuple[tuple[int, ...], ...] | None = None

    def run(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """As `CompiledRunner.run`; what is wrong raises ValueError or RuntimeError."""
        from ai_edge_litert.tensor_buffer import TensorBuffer

        for name, tensor in self._tensors[0].items():
            _check(name, tensor, feed.get(name))
        arrays = [np.ascontiguousarray(feed[name]) for name in self._names[0]]
        sizes = self._output_sizes(feed)
        self._resize(tuple(array.shape for array in arrays))
        given = self._model.create_input_buffers(self._index)
        for buffer, array in zip(given, arrays, strict=True):
            buffer.write(_as_bytes(array))
        results = {
            name: _aligned(sizes[name], NUMPY[self._tensors[1][name].dtype])
            for name in self._names[1]
        }
        taken = [
            TensorBuffer.create_from_host_memory(_as_bytes(results[name]))
            for name in self._names[1]
        ]
        self._model.run_by_index(self._index, given, taken)
        return results

    def reset(self) -> None:
        """As `CompiledRunner.reset`."""
        index = self._model.get_signature_index(RESET)
        if index < 0:
            raise ValueError("it has no signature reset: it keeps no state between calls")
        self._model.run_by_index(index, [], [])

    def _resize(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        if not self._open or shapes == self._now:
            return
        for place, (name, shape) in enumerate(zip(self._names[0], shapes, strict=True)):
            if _is_open(self._tensors[0][name]):
                self._model.resize_input_tensor(place, list(shape), self._index)
        self._now = shapes

    def _output_sizes(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs for these inputs: the Interpreter's, where sizes are open."""
        closed = {name: tensor.shape or () for name, tensor in self._tensors[1].items()}
        if not any(OPEN in shape for shape in closed.values()):
            return closed
        from rnnlite_pipeline.runtimes.interpreter import Runner

        shapes = tuple(feed[name].shape for name in self._names[0])
        if shapes not in self._sizes:
            results = Runner(self._content).run(feed)
            self._sizes[shapes] = {name: array.shape for name, array in results.items()}
        return self._sizes[shapes]


def _main_signature(content: bytes) -> Signature:
    model = read_model(content)
    main = model.main
    named = (s for s in model.signatures if s.key != RESET and s.subgraph is main)
    ports = ({tensor.name: tensor for tensor in side} for side in (main.inputs, main.outputs))
    return next(named, Signature("", main, *ports))


def _check(name: str, tensor: Tensor, array: NDArray[Any] | None) -> None:
    """Raises ValueError for a wrong array: the runtime copies it without a check of its size."""
    shape = tensor.shape or ()
    if array is None:
        raise ValueError(f"the input {name} is missing")
    fits = len(shape) == array.ndim and all(
        size in (OPEN, given) for size, given in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != NUMPY[tensor.dtype]:
        raise ValueError(
            f"the input {name} takes {tensor.dtype.lower()} {list(shape)}; "
            f"it was given {array.dtype} {list(array.shape)}"
        )


def _is_open(tensor: Tensor) -> bool:
    return tensor.shape is None or OPEN in tensor.shape


def _as_bytes(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory as single bytes: the Python binding names no int16 and no int64."""
    return array.reshape(-1).view(np.int8)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    room = np.zeros(size + _ALIGNMENT, np.int8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size].view(dtype).reshape(shape)


def _serve(path: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what LiteRT prints is no answer
    served = Served(Path(path).read_bytes(), path)
    send(answers, {})
    while (message := receive(sys.stdin.buffer)) is not None:
        if RESET in message:
            served.reset()
            send(answers, {})
        else:
            feed = {name.removeprefix(_INPUT): array for name, array in message.items()}
            send(answers, served.run(feed))


if __name__ == "__main__":
    _serve(sys.argv[1])
