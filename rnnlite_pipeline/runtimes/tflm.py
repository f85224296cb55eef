"""TensorFlow Lite Micro with its reference kernels, as in its Python wheel.

Its interpreter is run by `rnnlite_pipeline.runtimes.micro`, in a process of its own.
"""

from __future__ import annotations

from rnnlite_pipeline.runtimes.demands import (
    closed,
    first_states_zero,
    no_float16,
    no_hybrid,
    no_sparse,
)
from rnnlite_pipeline.runtimes.lstm import NOT_COUPLED, PLAIN, TANH
from rnnlite_pipeline.runtimes.rule import Rule, Table, tflm_source
from rnnlite_pipeline.runtimes.runtime import Runtime

#: The ops that the Python interpreter registers; an application registers what its model needs.
SOURCE = tflm_source("python/tflite_micro/python_ops_resolver.cc")

_KERNELS = tflm_source("tensorflow/lite/micro/kernels/")

_FLOAT, _BOOL = ("FLOAT32",), ("BOOL",)
_BYTES = ("FLOAT32", "INT8")
_REAL = (*_BYTES, "INT16")
_INT32 = (*_REAL, "INT32")
_INT64 = (*_INT32, "INT64")
_FLAGS = (*_INT32, "BOOL")
_COMPARED = ("FLOAT32", "INT8", "INT32", "INT64")

#: Each op's types, from the Prepare and Eval of its kernel. An op without an entry is not limited
#: here. tests/runtimes/test_tflm.py holds all but the convolutions to the wheel.
TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("EXP", "NEG", "SQRT", "SQUARE"), _FLOAT),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "REDUCE_ALL"), _BOOL),
    **dict.fromkeys(("GATHER", "REDUCE_MAX", "REDUCE_MIN"), _BYTES),
    **dict.fromkeys(("ABS", "BATCH_MATMUL", "EXPAND_DIMS", "FULLY_CONNECTED", "LOGISTIC"), _REAL),
    **dict.fromkeys(("MEAN", "RELU", "RELU6", "RSQRT", "SUM", "TANH", "TRANSPOSE"), _REAL),
    **dict.fromkeys(("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE", "DYNAMIC_UPDATE_SLICE"), _INT32),
    **dict.fromkeys(("SPLIT", "SPLIT_V", "UNPACK", "QUANTIZE"), _INT32),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "PACK"), _INT64),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE", "CAST"), _FLAGS),
    **dict.fromkeys(("LESS", "LESS_EQUAL", "GREATER_EQUAL"), _COMPARED),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL"), (*_COMPARED, "BOOL")),
    "DEQUANTIZE": ("INT8", "UINT8", "INT16"),
    "DIV": ("FLOAT32", "INT8", "INT32"),
    "FILL": ("FLOAT32", "INT8", "INT32"),
    "GREATER": _INT64,
    "SELECT_V2": _REAL,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _REAL,
    "ZEROS_LIKE": _COMPARED,
}

#: Which operand carries the values, where it is not the first.
_DATA = {"SPLIT": 1, "FILL": 1, "SELECT_V2": 1}

#: Operands that must be constants of the file.
_CONSTANT = {
    "BROADCAST_TO": (1,),
    "EXPAND_DIMS": (1,),
    "FILL": (0,),
    "PAD": (1,),
    "PADV2": (1,),
    "SPLIT": (0,),
    "SPLIT_V": (2,),
    "STRIDED_SLICE": (1, 2, 3),
    "TRANSPOSE": (1,),
}

OPS = """
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


def _rules() -> tuple[Rule, ...]:
    return tuple(_rule(op) for op in OPS.split())


def _rule(op: str) -> Rule:
    if op == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return LSTM
    return Rule(
        op,
        _KERNELS if op in TYPES or op in _CONSTANT else SOURCE,
        dtypes=TYPES.get(op, ()),
        data=_DATA.get(op, 0),
        constant=_CONSTANT.get(op, ()),
    )


#: What the kernel would leave out of the computation without an error.
LSTM = Rule(
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    tflm_source(
        "tensorflow/lite/micro/kernels/unidirectional_sequence_lstm.cc, lstm_eval_common.cc"
    ),
    dtypes=_REAL,
    absent=PLAIN,
    conditions=(NOT_COUPLED, TANH),
)


#: MicroResourceVariables::ResetAll writes zeros, and CallOnceEval does not run a second time.
_RESET = tflm_source("tensorflow/lite/micro/micro_resource_variable.cc, kernels/call_once.cc")

_FROM_ZERO = (
    "it is kept between calls and does not start from zero, but MicroInterpreter::Reset makes it"
    " zero; use recurrent.state: explicit"
)


def table() -> Table:
    """The ops and types of the reference kernels."""
    demands = (
        closed(_KERNELS),
        no_float16(_KERNELS),
        no_hybrid(_KERNELS),
        # InitializeTfLiteTensorFromFlatbuffer: a tensor is its buffer; `sparsity` is not read.
        no_sparse(tflm_source("tensorflow/lite/micro/micro_allocator.cc")),
        first_states_zero(_RESET, _FROM_ZERO),
    )
    return Table(SOURCE, _rules(), demands, "TensorFlow Lite Micro has no kernel for it")


RUNTIME = Runtime(
    "tflm",
    "TensorFlow Lite Micro, reference kernels",
    "run",
    "by the package tflite-micro, the extra tflm: pip install --pre 'rnnlite[tflm]'",
    table,
)
