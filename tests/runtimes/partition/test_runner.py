"""Models in parts: what LiteRT lacks runs elsewhere, and states stay where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.compare.validation import largest_difference
from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import StageError, VerificationFailed
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.partition import open_runner, tensorflow_ops
from rnnlite_pipeline.runtimes.partition.piece import Piece
from rnnlite_pipeline.runtimes.partition.runner import PartitionedRunner
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.verify import verify
from rnnlite_pipeline.toolchain import load
from tests.runtimes.partition.models import counting, custom, model, unknown, vector


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


def test_a_file_runs_no_such_op_without_its_flag(tmp_path: Path) -> None:
    """Opening a .tflite source and asking it for numbers does not run TensorFlow unasked."""
    (tmp_path / "m.tflite").write_bytes(write_model(unknown(2.0)))
    source = {"format": "tflite", "path": str(tmp_path / "m.tflite")}
    opened = open_source(Config.model_validate({"name": "m", "source": source}))
    with pytest.raises(StageError, match="no op for MyOp"):
        opened.run({"x": np.ones((1, 3), np.float32)})


# Without TensorFlow -------------------------------------------------------------------------------


@pytest.fixture
def negated(monkeypatch: pytest.MonkeyPatch) -> list[Piece]:
    """TensorFlow that knows Known only, as -x; the pieces that it was given."""
    given: list[Piece] = []

    def run(made: Piece, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
        given.append(made)
        return [-array for array in arrays[: len(made.outputs)]]

    monkeypatch.setattr(
        tensorflow_ops, "why_not", lambda ops: ["" if op.name == "Known" else "no" for op in ops]
    )
    monkeypatch.setattr(tensorflow_ops, "run", run)
    return given


def chained(*codes: str) -> Model:
    """y = the codes, one after the other, of x + x."""
    x, build = vector(), Builder("g")
    value = build.binary("ADD", x, x)
    for code in codes:
        value = custom(build, code, value)
    return model(build, x, value)


X = np.array([[0.5, -2.0]], np.float32)


def test_ops_that_follow_each_other_are_one_piece(negated: list[Piece]) -> None:
    """What passes between them never leaves TensorFlow; the values go in and out by tensor."""
    runner = PartitionedRunner(chained("Known", "Known"), "reference")
    np.testing.assert_array_equal(runner.run({"x": X})["y"], -2 * X)
    (made,) = negated
    assert (len(made.ops), len(made.inputs), len(made.outputs)) == (2, 1, 1)
    assert (runner.on_tensorflow, runner.stood_in) == (("Known",), {})


def test_a_stand_in_between_two_pieces(negated: list[Piece]) -> None:
    """The op that nobody knows parts the others, and is listed with the reason."""
    runner = PartitionedRunner(chained("Known", "Other", "Known"), "reference", stand_ins=True)
    first, second = (runner.run({"x": k * X})["y"] for k in (1, 2))
    assert len(negated) == 4
    assert runner.stood_in == {"Other": "no"}
    assert not np.array_equal(first, second)
    with pytest.raises(StageError, match=r"Other \(g/Other\) cannot be run here: no"):
        PartitionedRunner(chained("Other"), "reference")


def test_a_stand_in_reads_constants_of_any_type(negated: list[Piece]) -> None:
    """A constant text is its bytes: two models with different texts are not the same."""
    found = []
    for text in (b"one", b"two"):
        made = chained("Other")
        made.main.ops[-1].inputs.append(Tensor("text", "STRING", (1,), text))
        found.append(PartitionedRunner(made, "reference", stand_ins=True).run({"x": X})["y"])
    assert not np.allclose(found[0], found[1])
    assert negated == []


def test_wrong_inputs_are_refused(negated: list[Piece]) -> None:
    """The names must be the model's, none more and none less."""
    runner = PartitionedRunner(chained("Known"), "reference")
    with pytest.raises(StageError, match=r"inputs are \['x'\]; it was given \['x', 'z'\]"):
        runner.run({"x": X, "z": X})
    assert negated == []


def test_an_input_and_a_constant_can_be_outputs(negated: list[Piece]) -> None:
    """What no op computes is given as it is, as a copy."""
    made = chained("Known")
    x, constant = made.main.inputs[0], Tensor.constant("c", np.array([7.0], np.float32))
    made.main.outputs += [x, constant]
    made.signatures[0].outputs |= {"same": x, "c": constant}
    given = X.copy()
    results = PartitionedRunner(made, "reference").run({"x": given})
    results["same"][:] = 0
    np.testing.assert_array_equal(given, X)
    assert results["c"].tolist() == [7.0]
    assert len(negated) == 1


def test_texts_do_not_pass_to_tensorflow(negated: list[Piece]) -> None:
    """The tensor and the op are named."""
    made = chained("Known")
    made.main.ops[-1].outputs[0].dtype = "STRING"
    with pytest.raises(StageError, match="is a STRING that passes between LiteRT and Known"):
        PartitionedRunner(made, "reference")
    assert negated == []


def test_a_model_without_foreign_ops_is_not_cut() -> None:
    """It is opened on LiteRT as it is."""
    assert not isinstance(open_runner(chained()), PartitionedRunner)
