"""What TFLite Micro runs, and the names by which its resolver knows the ops."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import OPEN, Model, Op

_OPS = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D
DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR
LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND
SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF
TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""

#: The builtin ops. Source: tflite-micro, micro/micro_mutable_op_resolver.h.
OPS = frozenset(_OPS.split())

#: The ops whose method is not their code in camel case: Add + this.
METHODS = {
    "AVERAGE_POOL_2D": "AveragePool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "CONV_2D": "Conv2D",
    "CUMSUM": "CumSum",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "L2_POOL_2D": "L2Pool2D",
    "MAX_POOL_2D": "MaxPool2D",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}

#: Operands of an LSTM, by position, that its kernel ignores without a word (micro/kernels/
#: unidirectional_sequence_lstm.cc).
LSTM_IGNORES = {
    9: "peephole",
    10: "peephole",
    11: "peephole",
    16: "projection",
    17: "projection",
    20: "layer norm",
    21: "layer norm",
    22: "layer norm",
    23: "layer norm",
}


def method(code: str) -> str:
    """The resolver's method that adds an op."""
    return "Add" + METHODS.get(code, "".join(word.capitalize() for word in code.split("_")))


def why_not_tflm(model: Model) -> Iterator[str]:
    """Why a model does not run on TFLite Micro, as far as the graph tells; nothing if it may.

    1. Every op is one of its builtins.
    2. An LSTM has no peephole, projection or layer norm, and an input gate of its own.
    3. No op has integer weights and real activations (hybrid).
    4. No dimension is open: its memory is planned before it runs, and FILL, which writes the
       states, takes no computed shape.
    """
    missing = sorted({op.code for op in model.ops()} - OPS)
    if missing:
        yield f"it has no {', '.join(missing)}"
    ignored = sorted({what for op in model.ops() for what in _ignored(op)})
    if ignored:
        yield f"its LSTM ignores {', '.join(ignored)}"
    hybrid = sorted({op.code for op in model.ops() if _is_hybrid(op)})
    if hybrid:
        yield f"integer weights with real activations: {', '.join(hybrid)}"
    opened = sorted(t.name for t in model.main.inputs if OPEN in (t.shape or ()))
    if opened:
        yield f"dimensions of {', '.join(opened)} are open: give source.inputs their sizes"


def _ignored(op: Op) -> Iterator[str]:
    if op.code != "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return
    present = dict(enumerate(op.inputs))
    yield from (what for i, what in LSTM_IGNORES.items() if present.get(i) is not None)
    if present.get(1) is None:
        yield "coupled gates"


def _is_hybrid(op: Op) -> bool:
    weights = any(
        t is not None and t.data and t.dtype == "INT8" and t.quantization for t in op.inputs
    )
    return weights and any(t.dtype == "FLOAT32" for t in op.outputs) and op.code != "DEQUANTIZE"
