"""Which operands of which ops hold weights, and in which form the kernels take them.

Sources: LiteRT tflite/kernels/{unidirectional,bidirectional}_sequence_{lstm,rnn}.cc,
fully_connected.cc, conv.cc, depthwise_conv.cc, batch_matmul.cc, gather.cc; the versions are those
of tools/versioning/op_version.cc.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor


@dataclass(frozen=True)
class Hybrid:
    """A kernel that takes int8 weights with float activations.

    Attributes:
        slots: The operands that hold weights. They are all int8, or all float.
        axis: The dimension with a scale of its own for each index; None for one scale a tensor.
        versions: The op versions that say so: with symmetric and with asymmetric inputs; one
            number where the kernel has no such choice.
        fixed: Whether the input's shape must be closed.
    """

    slots: tuple[int, ...]
    axis: int | None
    versions: tuple[int, ...]
    fixed: bool = False


_LSTM = (*range(1, 12), 16)

#: Operands 9 to 11 are the peepholes, 16 the projection (lstm_shared.h); a hybrid kernel wants
#: them of the type of the gates' weights (unidirectional_sequence_lstm.cc,
#: CheckInputTensorDimensions). The last operands of the ops of both directions are the weights of
#: an auxiliary input (bidirectional_sequence_{lstm,rnn}.cc).
HYBRID: dict[str, Hybrid] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Hybrid(_LSTM, None, (2, 3)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Hybrid(
        (*_LSTM, *(s + 17 for s in _LSTM), *range(40, 48)), None, (2, 3)
    ),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Hybrid((1, 2), None, (2, 3)),
    "BIDIRECTIONAL_SEQUENCE_RNN": Hybrid((1, 2, 5, 6, 10, 11), None, (2, 3)),
    "FULLY_CONNECTED": Hybrid((1,), 0, (12, 12)),
    "CONV_2D": Hybrid((1,), 0, (5,), fixed=True),
    "DEPTHWISE_CONV_2D": Hybrid((1,), 3, (6,), fixed=True),
    "BATCH_MATMUL": Hybrid((1,), None, (1, 4)),
}

#: The same for an input of open shape. The optimized convolutions with a scale a channel are wrong
#: after the batch changes (measured on ai-edge-litert 2.3 without a delegate, which is how a graph
#: with a tensor of unknown size runs); with one scale they are right. DEPTHWISE_CONV_2D has no
#: such form.
HYBRID_OPEN: dict[str, Hybrid] = {"CONV_2D": Hybrid((1,), None, (2,))}

#: Ops that look rows up: the table is stored in int8, and the rows found are made float.
LOOKUPS = {"GATHER": 0}

#: Ops whose kernels take float weights only: the weights are stored in int8 and made float before
#: they run. By slot and channel axis.
STORED = {"TRANSPOSE_CONV": (1, 0), "CONV_3D": (1, 4)}


def hybrid(op: Op) -> Hybrid | None:
    """The hybrid kernel that is right for the shapes of an op of `HYBRID`; None for none.

    1. BIDIRECTIONAL_SEQUENCE_RNN: none in time-major layout, where it is 5 to 14 dB near instead
       of 40 (measured on ai-edge-litert 2.3, at every batch).
    2. BATCH_MATMUL: both operands have at most one leading dimension that is not 1. The kernel
       finds the scale of a row of x by steps of the rows of one matrix, whatever the dimension
       (internal/reference/batch_matmul.h, ioff_ext0 and woff_ext0).
    3. Convolutions of an input of open shape: as `HYBRID_OPEN` says; of several groups none, for
       these need a scale a channel (conv.cc, Prepare).
    """
    kernel, shapes = HYBRID[op.code], [t.shape if t else None for t in op.inputs[:2]]
    if op.code == "BIDIRECTIONAL_SEQUENCE_RNN" and op.options["time_major"]:
        return None
    if op.code == "BATCH_MATMUL":
        return kernel if all(_leads(shape) < 2 for shape in shapes) else None
    x, weight = (shape or (OPEN,) for shape in shapes)
    if not kernel.fixed or OPEN not in x:
        return kernel
    grouped = op.code == "CONV_2D" and x[-1] != weight[-1]
    return None if grouped else HYBRID_OPEN.get(op.code)


def _leads(shape: tuple[int, ...] | None) -> int:
    """How many dimensions before the last two are not 1; two where that is unknown."""
    return 2 if shape is None else sum(length != 1 for length in shape[:-2])


def weights(op: Op) -> list[Tensor]:
    """The float constants of an op with more than one element; fused ops' biases included."""
    return [t for t in op.inputs if t is not None and is_weight(t)]


def is_weight(tensor: Tensor) -> bool:
    """Whether a tensor is a float constant of more than one element."""
    return tensor.dtype == "FLOAT32" and tensor.data is not None and len(tensor.data) > 4
