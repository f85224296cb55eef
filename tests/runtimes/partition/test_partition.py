"""Models in parts: what LiteRT lacks runs elsewhere, and states stay where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from rnnlite_pipeline.compare.validation import largest_difference
from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import SourceError, StageError, VerificationFailed
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.partition import open_runner, tensorflow_ops
from rnnlite_pipeline.runtimes.partition.cut import cut
from rnnlite_pipeline.runtimes.partition.piece import PieceOp, piece
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.verify import verify
from rnnlite_pipeline.toolchain import load


def custom(build: Builder, code: str, *inputs: Tensor, options: bytes = b"") -> Tensor:
    """A custom op of one result, shaped as its first operand."""
    y = build.tensor(code, inputs[0].dtype, inputs[0].shape)
    build.ops.append(Op(code, [*inputs], [y], custom=True, custom_options=options))
    return y


def model(build: Builder, x: Tensor, y: Tensor) -> Model:
    """The model of what was built."""
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def vector(name: str = "x") -> Tensor:
    """An input of two numbers."""
    return Tensor(name, "FLOAT32", (1, 2))


def counting(through: bool = False) -> Model:
    """Adds its input to a state before an Erfinv, and the result to another state behind it.

    With `through`, the first state's next value is behind the Erfinv as well.
    """
    x, build = vector(), Builder("g")
    before, after = vector("a"), vector("b")
    first = build.binary("ADD", x, before)
    middle = custom(build, "Erfinv", first)
    second = build.binary("ADD", middle, after)
    made = model(build, x, second)
    states = [State(name, np.full((1, 2), 0.1, np.float32)) for name in ("one", "two")]
    add(made, states[0], before, middle if through else first)
    add(made, states[1], after, second)
    keep(made, states)
    return made


def test_states_are_kept_on_both_sides_of_an_op() -> None:
    """Each part keeps its variables from call to call, and a reset reaches all of them."""
    inverse = load("tensorflow").math.erfinv
    runner = open_runner(counting(), "reference")
    x = np.array([[0.1, -0.2]], np.float32)
    for _ in range(2):
        one = two = np.full((1, 2), 0.1, np.float32)
        for _ in range(3):
            one = one + x
            two = two + inverse(one).numpy()
            np.testing.assert_allclose(runner.run({"x": x})["y"], two, rtol=1e-6)
        runner.reset()


def test_a_state_that_passes_through_an_op_is_refused() -> None:
    """A variable read before and assigned behind a foreign op cannot stay in one part."""
    with pytest.raises(StageError, match="passes through an op that LiteRT lacks"):
        cut(counting(through=True))


def test_sizes_are_measured_in_the_part_that_needs_them() -> None:
    """What writes a state stands in its part, and what it measures, so that no size comes in."""
    x, build = Tensor("x", "FLOAT32", (OPEN, 2)), Builder("g")
    size = build.dimension(x, 0)
    y = custom(build, "Erfinv", x)
    dims = build.concatenate([size, build.indices([2])], 0)
    zeros = build.fill(dims, build.constant("zero", np.zeros((), np.float32)), (OPEN, 2))
    zeros.is_variable = True
    made = model(build, x, build.binary("ADD", y, zeros))
    *_, last = cut(made)
    assert {t.dtype for t in last.inputs} == {"FLOAT32"}
    assert "SHAPE" in {op.code for op in last.ops}


def test_an_op_inside_a_loop_is_refused() -> None:
    """A foreign op in a loop's body is named with its place, and with what to do."""
    i = Tensor("i", "INT32", ())
    build = Builder("body")
    body = Subgraph("steps/body", [i], [custom(build, "FlexBitcast", i)], build.ops)
    test = Builder("cond")
    cond = Subgraph(
        "steps/cond", [i], [test.binary("LESS", i, test.constant("n", np.array(3, np.int32)))]
    )
    cond.ops = test.ops
    x, out = Tensor("x", "INT32", ()), Tensor("y", "INT32", ())
    loop = make_op("WHILE", [x], [out], cond_subgraph=cond, body_subgraph=body)
    made = Model([Subgraph("main", [x], [out], [loop]), cond, body])
    with pytest.raises(StageError, match=r"FlexBitcast stands in a loop[\s\S]*before or after"):
        open_runner(made)


# Ops that nobody here knows -----------------------------------------------------------------------


def unknown(factor: float) -> Model:
    """y = MyOp(factor * x) + x, batch open."""
    x, build = Tensor("x", "FLOAT32", (OPEN, 3)), Builder("g")
    scaled = build.binary("MUL", x, build.constant("factor", np.array(factor, np.float32)))
    return model(build, x, build.binary("ADD", custom(build, "MyOp", scaled), x))


def test_an_unknown_op_is_an_error_where_numbers_count() -> None:
    """Calibration, for instance, cannot do without the op itself."""
    with pytest.raises(
        StageError, match=r"MyOp .*cannot be run here: TensorFlow has no op of this"
    ):
        open_runner(unknown(1.0))


@pytest.mark.parametrize(("factor", "equal"), [(2.0, True), (2.001, False)])
def test_an_unknown_op_is_compared_as_some_function(factor: float, equal: bool) -> None:
    """Two models are equal if they hand the op the same operands, and differ if they do not."""
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    difference = largest_difference(unknown(2.0), unknown(factor), iter([{"x": x}]))
    assert (difference == 0) == equal


def test_a_model_with_an_unknown_op_says_that_it_is_not_verified(tmp_path: Path) -> None:
    """verification.json and the report name the op; a pipeline can forbid it by CUSTOM:*."""
    (tmp_path / "m.tflite").write_bytes(write_model(unknown(2.0)))
    values = {
        "name": "m",
        "source": {"format": "tflite", "path": str(tmp_path / "m.tflite")},
        "converter": {"allow_custom_ops": True},
        "metadata": {"description": "so that the file is written anew"},
    }
    config, out = Config.model_validate(values), tmp_path / "out"
    import_source(config, out)
    convert(config, out)
    verify(config, out, Pipeline.model_validate({}))
    told = json.loads((out / "verification.json").read_text())
    assert told["passed"]
    assert told["unverified_ops"] == {"MyOp": "TensorFlow has no op of this name"}
    assert "Verified, except MyOp" in (out / "report.html").read_text()
    with pytest.raises(VerificationFailed, match="the model holds 1 CUSTOM:MyOp"):
        verify(config, out, Pipeline.model_validate({"gates": {"forbid_ops": ("CUSTOM:*",)}}))


# TensorFlow ---------------------------------------------------------------------------------------


def described(code: str, **attributes: Any) -> PieceOp:
    """A custom op with attributes as the converter writes them."""
    build = flexbuffers.Builder()
    build.MapFromElements(attributes)
    return PieceOp(code, is_flex=False, options=bytes(build.Finish()), inputs=(0,), outputs=(1,))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (described("Erfinv", T=0), ""),
        (described("Svd", T=0, compute_uv=True, full_matrices=False), ""),
        (described("Nobody"), "no op of this name"),
        (described("EnsureShape", T=0), "its attribute shape is not in the file"),
        (described("Bincount"), ""),
        (described("StringToHashBucketFast"), "its attribute num_buckets is not in the file"),
        (PieceOp("Svd", False, b"\xff\xff\xff", (0,), (1,)), "cannot be read"),
    ],
)
def test_an_op_is_run_only_with_all_of_its_attributes(op: PieceOp, said: str) -> None:
    """An attribute that the file does not tell, and that has no default, is the reason."""
    (reason,) = tensorflow_ops.why_not([op])
    assert said in reason
    assert bool(said) == bool(reason)


def test_a_flex_op_is_what_its_name_says() -> None:
    """A NodeDef of another op, or one that cannot be read, is not run."""
    other = load("tensorflow").compat.v1.NodeDef(op="WriteFile").SerializeToString().decode()
    for text, said in ((other, "of another op, WriteFile"), ("\x7f\x7f", "cannot be read")):
        build = flexbuffers.Builder()
        build.VectorFromElements(["Roll", text])
        options = bytes(build.Finish())
        (reason,) = tensorflow_ops.why_not([PieceOp("Roll", True, options, (0,), (1,))])
        assert said in reason


def test_a_file_runs_no_such_op_without_its_flag(tmp_path: Path) -> None:
    """Opening a .tflite source and asking it for numbers does not run TensorFlow unasked."""
    (tmp_path / "m.tflite").write_bytes(write_model(unknown(2.0)))
    source = {"format": "tflite", "path": str(tmp_path / "m.tflite")}
    opened = open_source(Config.model_validate({"name": "m", "source": source}))
    with pytest.raises(SourceError, match="no op for MyOp"):
        opened.run({"x": np.ones((1, 3), np.float32)})


def rolling() -> tuple[Any, NDArray[np.float32]]:
    """A piece that rolls a row by one, and operands for it."""
    x, build = vector(), Builder("g")
    one = build.constant("one", np.array(1, np.int32))
    options = described("Roll", T=0, Tshift=2, Taxis=2).options
    y = custom(build, "Roll", x, one, one, options=options)
    return piece(build.ops, [x], [y]), np.array([[1.0, 2.0]], np.float32)


def test_a_process_of_its_own_runs_ops_and_tells_errors() -> None:
    """Results and errors come back; a process that died is an error, and the next one is new."""
    made, x = rolling()
    process = tensorflow_ops.Apart()
    assert process.ask("run", made, (x,))[0].tolist() == [[2.0, 1.0]]
    with pytest.raises(StageError, match="TensorFlow cannot run Roll on the CPU"):
        process.ask("run", made, (x[0],))
    process.process.kill()
    with pytest.raises(StageError, match="ended while it ran an op"):
        process.ask("run", made, (x,))
