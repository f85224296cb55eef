"""Sequences that are joined and parted again: each has a scale of its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rnnlite_pipeline.algebra.forms import apply, symbol
from rnnlite_pipeline.cells.cell import Equations
from rnnlite_pipeline.cells.symbols import INPUT, before
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.quantize.full_integer import rewrite
from rnnlite_pipeline.quantize.joins import go_round_joins
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import Skip
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.formats.keras import source_model as keras_source
from rnnlite_pipeline.sources.to_tflite import to_tflite
from rnnlite_pipeline.stages.convert import converted
from rnnlite_pipeline.toolchain import load
from rnnlite_pipeline.verify.noise import ratio
from tests.lower.cases import Case
from tests.lower.loop_cases import gru, masked, matrix
from tests.quantize.author import KERNELS, Array, db

#: F features from -400 to 400, U units.
F, U, LARGE = 5, 12, 400.0

Use = Literal["condition", "number", "product"]


def cell_of(use: Use) -> Equations:
    """A GRU over features and a mask, their last column: compared, selected by, or multiplied."""
    rng = np.random.default_rng(0)
    if use != "product":
        return masked(gru(rng, F, U), as_condition=use == "condition")
    x, h = symbol(INPUT, F + 1), symbol(before(0), U)
    m, features = x.columns(F, F + 1), x.columns(0, F)
    kernel, recurrent = rng.normal(0, 1 / LARGE, (F, U)), matrix(rng, U, U)
    new = apply("TANH", features @ kernel + h @ recurrent)
    return Equations("cell", F + 1, (U,), (h + m * new - m * h,), (0,))


def model_of(use: Use, apart: bool, reverse: bool = False) -> Model:
    """A masked layer whose x is one input, or features and mask joined, and transposed."""
    model = Case((cell_of(use),), time_major=False, reverse=reverse, outputs="y").model()
    main = model.main
    if apart:
        (x,), build = main.inputs, Builder("front")
        batch, steps, _ = x.shape or ()
        parts = [Tensor(n, "FLOAT32", (steps, batch, w)) for n, w in (("x", F), ("mask", 1))]
        joined = build.transpose(build.concatenate(parts, 2), (1, 0, 2))
        build.ops[-1].outputs[0] = x
        assert joined.shape == x.shape
        main.inputs, main.ops = parts, [*build.ops, *main.ops]
    lower(model, "loop", integers=True)
    ports = ({t.name: t for t in side} for side in (main.inputs, main.outputs))
    model.signatures = [Signature("main", main, *ports)]
    return model


def feed(model: Model, seed: int, batch: int = 6, steps: int = 15) -> dict[str, Array]:
    """Large features; a third of the steps is masked."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-LARGE, LARGE, (batch, steps, F)).astype(np.float32)
    mask = (rng.random((batch, steps, 1)) > 1 / 3).astype(np.float32)
    if len(model.main.inputs) == 1:
        return {"x": np.concatenate([x, mask], 2)}
    return {"x": x.swapaxes(0, 1).copy(), "mask": mask.swapaxes(0, 1).copy()}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("use", ["condition", "number", "product"])
def test_a_mask_beside_large_features_keeps_its_values(
    use: Use, apart: bool, reverse: bool
) -> None:
    """In int8 a layer masked by 0 and 1 beside features of 400 is near the float one."""
    model = model_of(use, apart, reverse)
    want = Runner(write_model(model), "reference").run(feed(model, 1))
    assert go_round_joins(model) == apart
    made = copy.deepcopy(model)
    data = (feed(model, seed) for seed in range(8))
    rewrite(made, "int8", measure(made, data), Skip())
    for kernels in KERNELS:
        runner = Runner(write_model(made), kernels)
        for name, values in runner.run(feed(model, 1)).items():
            assert db(want[name], values) > 20, kernels


def joined(*widths: int) -> tuple[Model, list[Tensor], Builder, Tensor]:
    """Inputs [B, T, width] and their join."""
    build = Builder("test")
    parts = [Tensor(f"x{k}", "FLOAT32", (-1, -1, width)) for k, width in enumerate(widths)]
    model = Model([Subgraph("main", list(parts))], [])
    return model, parts, build, build.concatenate(parts, 2)


def sliced(build: Builder, x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """x[..., start:stop, ...]."""
    shape = list(x.shape or ())
    shape[axis] = stop - start
    others = 0b111 & ~(1 << axis)
    ends = [build.indices([n * (k == axis) for k in range(3)]) for n in (start, stop)]
    operands = [x, *ends, build.indices([1, 1, 1])]
    return build.op("STRIDED_SLICE", operands, x.dtype, shape, begin_mask=others, end_mask=others)


def codes(ops: list[Op]) -> list[str]:
    """The ops' codes, in order."""
    return [op.code for op in ops]


def check(model: Model, build: Builder, outputs: list[Tensor], expected: list[str]) -> None:
    """After the pass the ops are the expected ones, and the numbers what they were."""
    main = model.main
    main.ops, main.outputs = build.ops, outputs
    for k, tensor in enumerate(outputs):
        tensor.name = f"y{k}"
    ports: Any = ({t.name: t for t in side} for side in (main.inputs, outputs))
    model.signatures = [Signature("main", main, *ports)]
    rng = np.random.default_rng(0)
    given = {t.name: rng.normal(size=(2, 3, t.shape[2])).astype(np.float32) for t in main.inputs}  # type: ignore[index]
    want = Runner(write_model(model)).run(given)
    go_round_joins(model)
    assert codes(main.ops) == expected
    found = Runner(write_model(model)).run(given)
    for name, values in want.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_slice_behind_a_transpose_and_a_reversal_reads_its_operand() -> None:
    """The operand is turned as the join was; the join is gone."""
    model, _, build, x = joined(1, 5)
    turned = build.transpose(build.reverse(x, 1), (2, 0, 1))
    check(model, build, [sliced(build, turned, 0, 0, 1)], ["REVERSE_V2", "TRANSPOSE"])


def test_a_slice_over_two_operands_joins_them() -> None:
    """Of three operands two are read, of one of them a part."""
    model, _, build, x = joined(2, 3, 4)
    check(model, build, [sliced(build, x, 2, 1, 5)], ["STRIDED_SLICE", "CONCATENATION"])


def test_a_join_of_which_something_else_is_read_stays() -> None:
    """A slice along time, and the whole, still read it."""
    model, _, build, x = joined(2, 3)
    outputs = [sliced(build, x, 1, 0, 2), build.unary("TANH", sliced(build, x, 2, 2, 5))]
    check(model, build, outputs, ["CONCATENATION", "STRIDED_SLICE", "TANH"])


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_a_masked_keras_lstm_over_large_inputs(tmp_path: Path, scheme: str) -> None:
    """Masking, LSTM and Rescaling over inputs of 400: near the source, not zeros."""
    keras: Any = load("keras")
    keras.utils.set_random_seed(1)
    x = keras.Input((12, F), name="x")
    y = keras.layers.LSTM(8, return_sequences=True)(keras.layers.Masking(0.0)(x))
    source = keras_source(keras.Model(x, keras.layers.Rescaling(0.09)(y)), {})
    rng = np.random.default_rng(0)
    data = rng.uniform(-LARGE, LARGE, (64, 12, F)).astype(np.float32)
    data[np.arange(12) >= rng.integers(3, 13, 64)[:, None]] = 0
    np.savez(tmp_path / "calibration.npz", x=data)
    values = {
        "name": "masked",
        "source": {"format": "keras", "path": "masked.keras"},
        "quantization": {
            "scheme": scheme,
            "calibration": {"path": str(tmp_path / "calibration.npz")},
        },
    }
    made = converted(read_model(to_tflite(source)), Config.model_validate(values)).model
    (want,) = source.run({"x": data}).values()
    for kernels in KERNELS:
        (found,) = Runner(write_model(made), kernels).run({"x": data}).values()
        assert np.abs(want).max() < 0.1
        assert (ratio([want], [found]) or 0) > 20
