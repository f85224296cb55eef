"""The functions an equation can apply, by TFLite op name, in float64.

Elementwise but for the reductions, which are over the last axis and keep it. The options that
change what an op computes are keyword arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def _gelu(z: Array, approximate: bool) -> Array:
    """z * Phi(z), or Hendrycks and Gimpel's approximation by tanh (2016)."""
    if approximate:
        return np.asarray(0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))))
    return np.asarray(0.5 * z * (1 + np.vectorize(math.erf, otypes=[float])(z / np.sqrt(2))))


def _softmax(z: Array, beta: float) -> Array:
    e = np.exp(beta * (z - z.max(axis=-1, keepdims=True)))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _l2_normalized(z: Array, fused_activation_function: str = "NONE") -> Array:
    """z / max(|z|, 1e-6) (reference/l2normalization.h); without an activation (l2norm.cc)."""
    if fused_activation_function != "NONE":
        raise ValueError("L2_NORMALIZATION has no kernel with a fused activation")
    length = np.sqrt(np.sum(z * z, axis=-1, keepdims=True))
    return np.asarray(z / np.maximum(length, 1e-6))


#: Every function an equation can apply, by TFLite op name, in float64.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "LINEAR": lambda z: z,
    "LOGISTIC": sigmoid,
    "TANH": np.tanh,
    "RELU": lambda z: np.maximum(z, 0.0),
    "RELU6": lambda z: np.clip(z, 0.0, 6.0),
    "RELU_N1_TO_1": lambda z: np.clip(z, -1.0, 1.0),
    "RELU_0_TO_1": lambda z: np.clip(z, 0.0, 1.0),
    "ELU": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0.0))),
    "LEAKY_RELU": lambda z, alpha: np.where(z > 0, z, alpha * z),
    "GELU": _gelu,
    "HARD_SWISH": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "EXP": np.exp,
    "LOG": np.log,
    "SQRT": np.sqrt,
    "RSQRT": lambda z: 1.0 / np.sqrt(z),
    "ABS": np.abs,
    "SIN": np.sin,
    "COS": np.cos,
    "SIGN": np.sign,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND": np.round,
    "SOFTMAX": _softmax,
    "L2_NORMALIZATION": _l2_normalized,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "DIV": np.divide,
    "POW": np.power,
    "FLOOR_DIV": np.floor_divide,
    "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2,
    "SELECT": lambda m, a, b: np.where(m != 0, a, b),
    "SELECT_V2": lambda m, a, b: np.where(m != 0, a, b),
    "EQUAL": np.equal,
    "NOT_EQUAL": np.not_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LOGICAL_NOT": lambda m: m == 0,
    "LOGICAL_AND": lambda a, b: (a != 0) & (b != 0),
    "LOGICAL_OR": lambda a, b: (a != 0) | (b != 0),
    "MEAN": lambda z: z.mean(axis=-1, keepdims=True),
    "SUM": lambda z: z.sum(axis=-1, keepdims=True),
    "REDUCE_MAX": lambda z: z.max(axis=-1, keepdims=True),
    "REDUCE_MIN": lambda z: z.min(axis=-1, keepdims=True),
}

#: Those with f(-z) = -f(z).
ODD = frozenset({"TANH", "SIN", "SIGN"})

#: The activations a cell may name: the TFLite op that computes each, by the name it has in
#: schema.fbs, ActivationFunctionType, or else by its op's. The linear one, NONE, has no op.
ACTIVATION_OPS: dict[str, str] = {
    "RELU": "RELU",
    "RELU_N1_TO_1": "RELU_N1_TO_1",
    "RELU6": "RELU6",
    "TANH": "TANH",
    "SIGMOID": "LOGISTIC",
    **{op: op for op in ("RELU_0_TO_1", "ELU", "HARD_SWISH")},
}

#: Those that the schema can fuse, and the sigmoid and the linear one.
FUSABLE = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGMOID")

#: Activations by name.
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "NONE": lambda z: z,
    **{name: FUNCTIONS[op] for name, op in ACTIVATION_OPS.items()},
}
