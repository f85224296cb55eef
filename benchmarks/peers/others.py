"""A case as an ONNX model, and the two peers that run it: ONNX Runtime and OpenVINO.

Both get what suits them: their own LSTM, GRU and RNN operators, the sequence time-major as ONNX
has it, inputs and outputs bound once, so that a call is the computation alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from benchmarks.peers.cases import AnyCell, Case, Stack
from rnnlite_pipeline.cells.gru import Gru
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn

Array = NDArray[Any]

#: What runs the model once more, and what it gave: [B, T, U] or [B, U].
Ready = tuple[Callable[[], object], Callable[[], Array]]

_OPS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}


def onnx_model(case: Case, stack: Stack, batch: int) -> bytes:
    """The case in ONNX: input x [T, B, F], output y [T, B, U] or [B, U]."""
    nodes: list[Any] = []
    weights: list[Any] = []

    def constant(name: str, value: Array) -> str:
        weights.append(numpy_helper.from_array(value, name))
        return name

    y = "x"
    for k, cells in enumerate(stack):
        parts = [_weights(cell) for cell in cells]
        names = [constant(f"{n}_{k}", np.stack(p).astype(np.float32))
                 for n, p in zip("WRB", zip(*parts, strict=True), strict=True)]  # fmt: skip
        options: dict[str, Any] = {"hidden_size": case.units}
        options["direction"] = "bidirectional" if case.both else "forward"
        if case.kind == "GRU":
            options["linear_before_reset"] = 1
        if case.both and case.kind == "SimpleRNN":
            options["activations"] = ["Tanh", "Tanh"]
        nodes.append(
            helper.make_node(_OPS[case.kind], [y, *names], [f"y_{k}", f"h_{k}"], **options)
        )
        ends = case.last and k == len(stack) - 1
        whole, order, shape = (f"h_{k}", [1, 0, 2], [batch, -1]) if ends else (
            f"y_{k}", [0, 2, 1, 3], [case.steps, batch, -1])  # fmt: skip
        nodes.append(helper.make_node("Transpose", [whole], [f"t_{k}"], perm=order))
        named = constant(f"shape_{k}", np.array(shape, np.int64))
        y = f"joined_{k}"
        nodes.append(helper.make_node("Reshape", [f"t_{k}", named], [y]))
    x = helper.make_tensor_value_info("x", 1, [case.steps, batch, case.features])
    size = [] if case.last else [case.steps]
    out = helper.make_tensor_value_info(y, 1, [*size, batch, case.units * len(stack[-1])])
    graph = helper.make_graph(nodes, "case", [x], [out])
    graph.initializer.extend(weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _weights(cell: AnyCell) -> tuple[Array, Array, Array]:
    """W [n U, F], R [n U, U] and B [2 n U], in ONNX's order of gates."""
    if isinstance(cell, SimpleRnn):
        return cell.kernel, cell.recurrent, np.concatenate([cell.bias, 0 * cell.bias])
    if isinstance(cell, Lstm):
        assert cell.input is not None
        gates = [cell.input, cell.output, cell.forget, cell.candidate]
    else:
        gates = [cell.update, cell.reset, cell.candidate]
    bias = np.concatenate([gate.bias for gate in gates])
    recurrent_bias = np.zeros_like(bias)
    if isinstance(cell, Gru) and cell.recurrent_bias is not None:
        recurrent_bias[-cell.recurrent_bias.size :] = cell.recurrent_bias
    return (
        np.concatenate([gate.kernel for gate in gates]),
        np.concatenate([gate.recurrent for gate in gates]),
        np.concatenate([bias, recurrent_bias]),
    )


def onnx_runtime(case: Case, model: bytes, x: Array, threads: int) -> Ready:
    """The case on ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input("x", np.ascontiguousarray(x.swapaxes(0, 1)))
    binding.bind_output(session.get_outputs()[0].name)

    def result() -> Array:
        return _batch_major(case, binding.copy_outputs_to_cpu()[0])

    return (lambda: session.run_with_iobinding(binding)), result


def openvino_runtime(case: Case, model: bytes, x: Array, threads: int) -> Ready:
    """The case on OpenVINO's CPU plugin, in float32."""
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(np.ascontiguousarray(x.swapaxes(0, 1))))

    def result() -> Array:
        return _batch_major(case, request.get_output_tensor().data.copy())

    return request.infer, result


def _batch_major(case: Case, y: Array) -> Array:
    return y if case.last else y.swapaxes(0, 1)


def versions() -> dict[str, str]:
    """The peers' versions."""
    return {
        "ONNX Runtime": onnxruntime.__version__,
        "OpenVINO": openvino.__version__.split("-")[0],
    }
