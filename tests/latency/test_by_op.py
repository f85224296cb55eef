"""Ops cut out of a model: what goes together, that the numbers are the model's, and the times."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency import parts, rows
from rnnlite_pipeline.latency.by_op import by_op, prepared, recorded
from rnnlite_pipeline.latency.rows import place, title
from rnnlite_pipeline.runtimes.timing import FEWEST, MOST, timed
from tests.latency.models import MODELS, dense


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_parts_give_the_model_s_numbers(make: Any) -> None:
    """Every op is in one part; each gives what it gives in the model, also when called again."""
    model = make()
    inputs = {n: _sample(t) for n, t in model.signatures[0].inputs.items()}
    cut = parts(model)
    assert sorted(map(id, model.main.ops)) == sorted(id(op) for part in cut for op in part.ops)
    values = recorded(model, inputs, cut)
    for part in cut:
        runner = prepared(part, values)  # raises if they differ
        first = runner.results()
        if all(op.code != "ASSIGN_VARIABLE" for op in part.ops):
            runner.invoke()
            for name, value in runner.results().items():
                np.testing.assert_array_equal(value, first[name])
    wrong = {tensor: value + 1 for tensor, value in values.items()}
    last = cut[-1]
    wrong |= {tensor: values[tensor] for tensor in last.inputs}
    with pytest.raises(StageError, match="other numbers"):
        prepared(last, wrong)


def _sample(tensor: Tensor) -> Any:
    shape = [3 if d == -1 else d for d in tensor.shape or ()]
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_rows_add_up_to_the_model() -> None:
    """The rows' multiply-adds are the model's; a layer is known by the scope of its op."""
    model = MODELS["LSTM"]()
    layers = [{"name": "rows", "scope": "layer0"}, {"name": "other"}]
    told = rows(model, layers)
    for kind, count in multiply_adds(model).items():
        assert sum(row["multiply_adds"][kind] for row in told) == count
    recurrent = next(row for row in told if "_SEQUENCE_" in row["op"])
    assert (recurrent["layer"], place(recurrent)) == ("rows", "rows")
    assert recurrent["with"]["FILL"] == 2
    assert model.main.ops[recurrent["index"]].code == recurrent["op"]
    assert title(recurrent).startswith("UNIDIRECTIONAL_SEQUENCE_LSTM + 2 FILL")


def test_dear_op_is_first_and_the_sum_is_near_the_whole(tmp_path: Path) -> None:
    """A large product beside small ones takes most; alone, all ops take about what they do."""
    model = dense([8, 1024, 1024, 8, 8])
    told = by_op(tmp_path, write_model(model), {"x": np.ones((1, 8), np.float32)})
    dearest = max(told["parts"], key=lambda row: row["ms"])
    assert dearest["multiply_adds"] == {"fixed": 1024 * 1024, "per_step": 0}
    assert dearest["share"] > 0.7
    assert sum(row["share"] for row in told["parts"]) == pytest.approx(1, abs=1e-3)
    assert 0.5 < told["sum_ms"] / told["whole_ms"] < 2
    assert not list(tmp_path.iterdir())


def test_model_that_does_not_run_gives_a_reason(tmp_path: Path) -> None:
    """An op that the runtime lacks is told; there are no times then."""
    x, y = (Tensor(name, "FLOAT32", (1, 2)) for name in ("x", "y"))
    main = Subgraph("main", [x], [y], [Op("FlexRound", [x], [y], custom=True)])
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    told = by_op(tmp_path, write_model(model), {"x": np.zeros((1, 2), np.float32)})
    assert list(told) == ["reason"]
    assert "FlexRound" in told["reason"]


def test_what_takes_longer_is_told_so() -> None:
    """Calls are timed in as many rounds each; a longer one takes as much more time."""
    rounds = timed({"short": lambda: time.sleep(0.001), "long": lambda: time.sleep(0.01)})
    assert FEWEST <= len(rounds["short"]) == len(rounds["long"]) <= MOST
    assert 1.0 <= np.median(rounds["short"]) < 5.0
    assert 10.0 <= np.median(rounds["long"]) < 20.0
