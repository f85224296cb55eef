"""The table of integer kernels: every op of it computes in integers what it does in float."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import options_type
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.integer_ops import CLAMPS, KERNELS, MAKERS
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from tests.quantize.single import Shape, feed, nearness, number, single, weight, whole

#: In dB. int16 activations and int8 weights: the weights' rounding counts.
LEAST = {"int8": 34.0, "int16x8": 80.0}
LEAST_OF_PRODUCTS = {"int8": 34.0, "int16x8": 43.0}

X, WIDE = (2, 6, 8), (2, 3, 2, 4, 5)
IMAGE = (2, 6, 8, 4)


@dataclass(frozen=True)
class Use:
    """One op: its operands, of which shapes are inputs, and the shapes of its results."""

    operands: tuple[Any, ...]
    results: tuple[Shape, ...]
    options: dict[str, Any]


def use(*operands: Any, to: Any = X, **options: Any) -> Use:
    """An op with one result of the shape `to`, or with several."""
    results = to if to and isinstance(to[0], tuple) else (to,)
    return Use(operands, results, options)


_CONV = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}
_POOL = {"stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}
_EVEN = Tensor.constant("even", np.arange(8) % 2 == 0)
_PAIRS = [
    use(X, X),
    use(X, weight(8)),
    use(X, number([0.5])),
    use(X, (2, 1, 8)),
    use(WIDE, (5,), to=WIDE),
]

USES: dict[str, list[Use]] = {
    "FULLY_CONNECTED": [
        use((3, 8), weight(5, 8), weight(5), to=(3, 5)),
        use(X, weight(5, 8), None, to=(2, 6, 5), keep_num_dims=True),
        use((3, 8), weight(5, 8), weight(5), to=(3, 5), fused_activation_function="RELU6"),
    ],
    "CONV_2D": [
        use(IMAGE, weight(5, 3, 3, 4), weight(5), to=(2, 6, 8, 5), **_CONV),
        use(IMAGE, weight(6, 3, 3, 2), weight(6), to=(2, 6, 8, 6), **_CONV),
    ],
    "DEPTHWISE_CONV_2D": [
        use(IMAGE, weight(1, 3, 3, 4), weight(4), to=IMAGE, **_CONV, depth_multiplier=1),
        use(IMAGE, weight(1, 3, 3, 8), weight(8), to=(2, 6, 8, 8), **_CONV, depth_multiplier=2),
    ],
    **{
        code: [*_PAIRS, use(X, X, fused_activation_function="RELU")]
        for code in ("ADD", "SUB", "MUL")
    },
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), _PAIRS),
    "MEAN": [
        use(X, whole([1]), to=(2, 8)),
        use(X, whole(-1), to=(2, 6, 1), keep_dims=True),
        use(IMAGE, whole([1, 2]), to=(2, 1, 1, 4), keep_dims=True),
        use(X, whole([0, 1, 2]), to=()),
    ],
    **{code: [use(X)] for code in ("RELU", "RELU6", "LOGISTIC", "TANH")},
    "SOFTMAX": [use(X, beta=1.0), use(X, beta=2.5)],
    "CONCATENATION": [use(X, X, to=(2, 6, 16), axis=2), use(X, weight(*X), to=(2, 12, 8), axis=-2)],
    "PACK": [use(X, X, to=(2, 2, 6, 8), axis=1, values_count=2)],
    "SELECT_V2": [use(_EVEN, X, X), use(_EVEN, X, number(0.5))],
    "RESHAPE": [use(X, whole([12, 8]), to=(12, 8), new_shape=[12, 8])],
    "BROADCAST_TO": [use((1, 8), whole([3, 8]), to=(3, 8))],
    "EXPAND_DIMS": [use(X, whole(1), to=(2, 1, 6, 8))],
    "SQUEEZE": [use((2, 1, 8), to=(2, 8), squeeze_dims=[1])],
    "TRANSPOSE": [
        use(X, whole([1, 0, 2]), to=(6, 2, 8)),
        use(WIDE, whole([4, 0, 3, 1, 2]), to=(5, 2, 4, 3, 2)),
    ],
    "REVERSE_V2": [use(X, whole([1])), use(WIDE, whole([1, 2]), to=WIDE)],
    "STRIDED_SLICE": [use(X, whole([0, 1, 0]), whole([2, 4, 8]), whole([1, 1, 1]), to=(2, 3, 8))],
    "SLICE": [use(X, whole([0, 1, 0]), whole([2, 3, 8]), to=(2, 3, 8))],
    "GATHER": [
        use(X, whole([3, 1]), to=(2, 2, 8), axis=-2),
        use(X, whole([[3, 1], [0, 2]]), to=(2, 2, 8), axis=1, batch_dims=1),
    ],
    "SPLIT": [use(whole(2), X, to=((2, 6, 4), (2, 6, 4)), num_splits=2)],
    "SPLIT_V": [use(X, whole([3, 5]), whole(2), to=((2, 6, 3), (2, 6, 5)), num_splits=2)],
    "UNPACK": [use(X, to=((2, 8),) * 6, num=6, axis=1)],
    "PAD": [use(X, whole([[0, 0], [1, 2], [0, 0]]), to=(2, 9, 8))],
    **{
        code: [
            use(IMAGE, to=(2, 3, 4, 4), **_POOL),
            use(IMAGE, to=(2, 3, 4, 4), **_POOL, fused_activation_function="RELU"),
        ]
        for code in ("MAX_POOL_2D", "AVERAGE_POOL_2D")
    },
}


def _model(code: str, of: Use) -> Model:
    return single(code, [copy.copy(each) for each in of.operands], of.results, **of.options)


@pytest.mark.parametrize("scheme", LEAST)
@pytest.mark.parametrize("code", KERNELS)
def test_every_kernel_of_the_table(code: str, scheme: str) -> None:
    """In integers, and near the float op on every set of kernels, in each of its uses."""
    least = (LEAST if KERNELS[code].axis is None else LEAST_OF_PRODUCTS)[scheme]
    for each in USES[code]:
        model, made = _model(code, each), _model(code, each)
        ranges = measure(made, (feed(made, seed) for seed in range(4)))
        (outcome,) = rewrite(made, scheme, ranges, Skip())
        assert (outcome.became, outcome.reason) == (scheme, ""), each
        (op,) = (op for op in made.main.ops if op.code == code)
        assert op.version >= KERNELS[code].versions[scheme == "int16x8"]
        assert nearness(model, made) > least, each


def test_every_op_of_the_tables_is_a_builtin_one() -> None:
    """A name that no kernel has would never be looked up."""
    for code in (*KERNELS, *MAKERS):
        options_type(code)  # raises
    assert "TANH" not in CLAMPS
