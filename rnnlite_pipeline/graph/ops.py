"""What is known of each op whatever the graph: one table, and the sets that are read off it.

Source: the kernels of LiteRT (tflite/kernels), unless a set says more.
"""

from __future__ import annotations

#: The table. A line is a list of traits, a colon, and the ops that have all of them:
#:
#: * elementwise: each element of the result comes from the elements at its place;
#: * real: elementwise, real numbers from real numbers, by a continuous function;
#: * same: the result has the shape of operand 0;
#: * broadcast: the result has the shape that the operands broadcast to;
#: * comparison, logical: it gives truths; logical ops take truths as well;
#: * choice: it takes each element from one of two operands;
#: * reduction: it goes over the axes that operand 1 names;
#: * measures: it reads the shape of operand 0, and not its values;
#: * product: it multiplies matrices, or a matrix and each row;
#: * convolution: it multiplies a kernel and each window;
#: * moves: each element of a result is an element of operand 0 (of SPLIT: 1), or with "joins" of
#:   any operand; the others say which;
#: * recurrent: it is a recurrent layer by itself;
#: * effect: it does more than to make its results.
_TABLE = """
elementwise real same: ABS ELU EXP GELU HARD_SWISH LEAKY_RELU LOGISTIC NEG RELU RELU6
elementwise real same: RELU_N1_TO_1 RSQRT SQRT SQUARE TANH
elementwise same: CEIL COS FLOOR LOG RELU_0_TO_1 ROUND SIGN SIN
elementwise same logical: LOGICAL_NOT
elementwise real broadcast: ADD DIV MAXIMUM MINIMUM MUL SQUARED_DIFFERENCE SUB
elementwise broadcast: ADD_N FLOOR_DIV FLOOR_MOD POW PRELU
elementwise broadcast comparison: EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL
elementwise broadcast logical: LOGICAL_AND LOGICAL_OR
elementwise broadcast choice: SELECT_V2
choice: SELECT
same: CAST CUMSUM DEQUANTIZE DYNAMIC_UPDATE_SLICE FAKE_QUANT L2_NORMALIZATION LOG_SOFTMAX
same: QUANTIZE REVERSE_SEQUENCE SOFTMAX WHILE
same moves: REVERSE_V2
moves: EXPAND_DIMS GATHER RESHAPE SLICE SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TRANSPOSE UNPACK
moves joins: CONCATENATION PACK
same measures: ZEROS_LIKE
measures: RANK SHAPE
reduction: MEAN REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM
product: BATCH_MATMUL FULLY_CONNECTED
convolution: CONV_2D CONV_3D DEPTHWISE_CONV_2D
recurrent: BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN
recurrent: UNIDIRECTIONAL_SEQUENCE_LSTM UNIDIRECTIONAL_SEQUENCE_RNN
effect: ASSIGN_VARIABLE CALL CALL_ONCE HASHTABLE_IMPORT
"""


def _traits() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _TABLE.strip().splitlines():
        traits, codes = line.split(": ")
        for code in codes.split():
            assert code not in found, f"{code} is in the table twice"
            found[code] = frozenset(traits.split())
    return found


#: The traits of each op; an op that is not here has none that anybody asks for.
TRAITS = _traits()


def having(*traits: str) -> frozenset[str]:
    """The ops that have all of these traits."""
    return frozenset(code for code, own in TRAITS.items() if own.issuperset(traits))


#: Ops that a change of layout passes through: transposing or stacking commutes with them.
REAL = having("real")

#: Results have the shape of operand 0 (a loop's each that of the operand at its place).
SAME_SHAPE = having("same")

#: Results have the shape that all operands broadcast to.
BROADCAST = having("broadcast")

COMPARISONS, LOGICAL, CHOICES = having("comparison"), having("logical"), having("choice")

REDUCTIONS = having("reduction")

PRODUCTS, CONVOLUTIONS = having("product"), having("convolution")

#: Ops that move elements and compute none; those of them that take elements of every operand.
MOVES, JOINS = having("moves"), having("joins")

#: The fused ops.
RECURRENT = having("recurrent")

#: Ops that ask for no values of operand 0, only for its shape; those that give sizes.
MEASURING = having("measures")
SIZES = MEASURING - SAME_SHAPE

#: Ops that do something besides producing their outputs.
SIDE_EFFECTS = having("effect")
