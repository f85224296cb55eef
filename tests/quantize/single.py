"""Models of one op, and how near a quantized one comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.quantize.author import KERNELS, Array, db

Shape = tuple[int, ...]


def number(value: Any, name: str = "number") -> Tensor:
    """A float32 constant."""
    return Tensor.constant(name, np.asarray(value, np.float32))


def whole(value: Any, name: str = "whole") -> Tensor:
    """An int32 constant: an axis, a shape, places."""
    return Tensor.constant(name, np.asarray(value, np.int32))


def weight(*shape: int, seed: int = 0, scale: float = 0.5) -> Tensor:
    """A float32 constant of normal numbers."""
    return number(np.random.default_rng(seed).normal(0, scale, shape), "weight")


def graph(inputs: Sequence[Tensor], outputs: Sequence[Tensor], ops: Sequence[Op]) -> Model:
    """A model with a signature that names its ports as its tensors are named."""
    main = Subgraph("main", list(inputs), list(outputs), list(ops))
    named = ({t.name: t for t in side} for side in (inputs, outputs))
    return Model([main], [Signature("main", main, *named)])


def single(
    code: str, operands: Sequence[Shape | Tensor | None], results: Sequence[Shape], **options: Any
) -> Model:
    """One op; an operand that is a shape is an input x0, x1 and so on, its results are y0, y1..."""
    ports = [k for k, each in enumerate(operands) if isinstance(each, tuple)]
    given = [
        Tensor(f"x{ports.index(k)}", "FLOAT32", each) if isinstance(each, tuple) else each
        for k, each in enumerate(operands)
    ]
    outputs = [Tensor(f"y{k}", "FLOAT32", shape) for k, shape in enumerate(results)]
    inputs = [t for k, t in enumerate(given) if t is not None and k in ports]
    return graph(inputs, outputs, [make_op(code, given, outputs, **options)])


def feed(model: Model, seed: int, batch: int = 2, scale: float = 1.0) -> dict[str, Array]:
    """Normal numbers for each input, not quite around 0."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(0.3, 1, [batch if d == OPEN else d for d in t.shape or ()]) * scale)
        .astype(np.float32)
        for name, t in model.signatures[0].inputs.items()
    }  # fmt: skip


def nearness(
    model: Model, made: Model, batches: Sequence[int] = (2,), given: dict[str, Array] | None = None
) -> float:
    """The least ratio in dB of the float model's outputs, on every set of kernels and batch.

    Args:
        model: In float.
        made: The quantized one, with a float interface.
        batches: Of what both are fed, one call after the other.
        given: What they are fed instead.
    """
    expected, content = Runner(write_model(model), "reference"), write_model(made)
    drawn = (feed(model, seed, batch) for seed, batch in enumerate(batches))
    fed = [*drawn] if given is None else [given]
    wanted = [expected.run(each) for each in fed]
    ratios = []
    for kernels in KERNELS:
        runner = Runner(content, kernels)
        for each, want in zip(fed, wanted, strict=True):
            found = runner.run(each)
            ratios += [db(want[name], found[name]) for name in want]
    return min(ratios)
