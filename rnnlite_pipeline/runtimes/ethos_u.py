"""Arm's Ethos-U NPUs, by Vela: its own list of ops where it is installed, else the one of 5.2.0.

A verdict by this table is a first look. The proof is the compilation: `vela.compile_model`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.metadata import version

from rnnlite_pipeline.graph.ir import Model, Op
from rnnlite_pipeline.runtimes.demands import closed
from rnnlite_pipeline.runtimes.lstm import NOT_COUPLED, PLAIN, reads_state
from rnnlite_pipeline.runtimes.rule import Condition, Demand, Refusal, Rule, Source, Table
from rnnlite_pipeline.runtimes.runtime import Runtime

_AT = "ethos-u-vela --supported-ops-report, {}"

#: The ops of Vela 5.2.0 on Ethos-U55 and Ethos-U65.
U55 = """
ABS ADD ARG_MAX AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D DEPTHWISE_CONV_2D ELU EXP
EXPAND_DIMS FULLY_CONNECTED GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC MAXIMUM MAX_POOL_2D MEAN
MINIMUM MIRROR_PAD MUL NEG PACK PAD PADV2 PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6
RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 RSQRT SLICE
SOFTMAX SPLIT SPLIT_V SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE
TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
"""

#: Those that Ethos-U85 takes beside them.
U85_MORE = """
ASSIGN_VARIABLE CAST DIV EQUAL GATHER GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND
LOGICAL_NOT LOGICAL_OR NOT_EQUAL READ_VARIABLE REDUCE_ALL REDUCE_ANY SCATTER_ND SELECT SELECT_V2
"""

#: Feature maps of 64 bits are refused but by ARG_MAX, so int64 is left out here.
_INTEGERS = ("INT8", "INT16", "INT32", "UINT8")
_TYPES: dict[str, tuple[str, ...]] = {"EthosU55": _INTEGERS, "EthosU85": (*_INTEGERS, "BOOL")}

#: Vela's own sentence on an op that takes no values of 32 bits.
_NO_32 = "32-bit feature-maps are not supported."

#: Ops whose first operand is no value: the variable, the axis.
_DATA = {"SPLIT": 1}


#: Names that Vela spells in its own way (generate_supported_ops in ethosu/vela/vela.py).
_SCHEMA_NAMES = {"ARGMAX": "ARG_MAX"}


#: Not in Vela's list, and no work of the CPU: what acts once, before the first call; and where
#: variables are the NPU's, what stands for one.
_ACTS_NOT = {"EthosU55": ("CALL_ONCE",), "EthosU85": ("CALL_ONCE", "VAR_HANDLE")}

#: Vela lists the op, and refuses it for every shape and axis (tests/runtimes/test_vela.py).
_NO_REVERSE = "Unsupported reverse mask: Vela leaves it to the CPU"


def _gives_integers(op: Op) -> bool:
    return all(tensor.dtype != "FLOAT32" for tensor in op.outputs)


#: "Operation has tensor with unsupported DataType Float32", of results as well: CAST, DEQUANTIZE.
_INTEGER_RESULTS = Condition("a float32 result is not taken", _gives_integers)


def _has_shapes(op: Op) -> bool:
    computed = (t for t in (*op.inputs, *op.outputs) if t is not None and t.data is None)
    return all(tensor.shape != () for tensor in computed)


#: Vela's reason on such an op: "Operation has shapeless tensor".
_SHAPED = Condition("a computed scalar is not taken", _has_shapes)


def constraints(architecture: str) -> dict[str, list[str]] | None:
    """What the installed Vela says of each op, in sentences; None where it is not installed.

    Args:
        architecture: "EthosU55" (U65 is the same) or "EthosU85".
    """
    if importlib.util.find_spec("ethosu") is None:
        return None
    try:
        from ethosu import regor
    except ImportError:  # before 5.0, Vela had no such module
        return None
    said: dict[str, list[str]] = regor.tflite_operator_constraints(architecture)
    return {_SCHEMA_NAMES.get(op, op): sentences for op, sentences in said.items()}


def _table(architecture: str) -> Table:
    said = constraints(architecture)
    known = U55 if architecture == "EthosU55" else U55 + U85_MORE
    release = version("ethos-u-vela") if said else "5.2.0"
    source = Source(_AT.format(architecture), release)
    rules = [
        _rule(op, architecture, (said or {}).get(op, []), source)
        for op in sorted(said or known.split())
    ]
    rules += [Rule(op, source) for op in _ACTS_NOT[architecture]]
    demands = (closed(source), _no_state_read())
    return Table(source, tuple(rules), demands, f"Vela {release} leaves it to the CPU")


#: What reads a variable tensor behind the op that changes it has no data dependency on that op in
#: Vela's graph: a CONCATENATION is one copy for each operand (ethosu/vela, op 0 of
#: --verbose-high-level-command-stream copies the first state to the result).
_ORDER = Source("ethos-u-vela --verbose-high-level-command-stream", "5.2.0")


def _no_state_read() -> Demand:
    """Nothing reads the state of a fused LSTM behind it."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM" and reads_state(model, op):
                reason = "its last cell state is read; Vela reads it before the op has run"
                yield Refusal(op.code, op.outputs[0].name, reason)

    return Demand("no fused LSTM whose last cell state is read", _ORDER, refusals)


def _rule(op: str, architecture: str, said: list[str], source: Source) -> Rule:
    types = _TYPES[architecture]
    if _NO_32 in said:
        types = tuple(t for t in types if t != "INT32")
    if op == "REVERSE_V2" and architecture == "EthosU55":
        return Rule(op, source, refused=_NO_REVERSE)
    if op == "READ_VARIABLE":  # its operand is a resource
        return Rule(op, source)
    if op == "ASSIGN_VARIABLE":  # likewise, and it has no result
        return Rule(op, source, dtypes=types, data=1)
    if op == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return Rule(op, source, dtypes=("INT8", "INT16"), absent=PLAIN, conditions=(NOT_COUPLED,))
    conditions = (_SHAPED, _INTEGER_RESULTS)
    return Rule(op, source, dtypes=types, data=_DATA.get(op, 0), conditions=conditions)


def _runtime(name: str, architecture: str) -> Runtime:
    return Runtime(
        name,
        f"Arm's {name.replace('ethos-u', 'Ethos-U')} NPU, through Vela",
        "compiled",
        "by the package ethos-u-vela, the extra ethos-u: pip install 'rnnlite[ethos-u]'",
        lambda: _table(architecture),
    )


RUNTIMES = (
    _runtime("ethos-u55", "EthosU55"),
    _runtime("ethos-u65", "EthosU55"),
    _runtime("ethos-u85", "EthosU85"),
)
