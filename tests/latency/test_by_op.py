"""Ops cut out of a model: what goes together, that the numbers are the model's, and the times."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.graph.variables import State, add, keep
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency import Part, parts, rows
from rnnlite_pipeline.latency.by_op import by_op, prepared, recorded
from rnnlite_pipeline.latency.rows import place, title
from rnnlite_pipeline.latency.text import as_text
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.timing import FEWEST, MOST, timed
from tests.lower.cases import Case, random_lstm, random_rnn
from tests.quantize.author import model_of, quantized

_RNG = np.random.default_rng(0)
_LSTM = random_lstm(_RNG, 3, 4)


def _dense(widths: list[int]) -> Model:
    """A row of dense layers, a TANH first."""
    build = Builder("dense")
    x = Tensor("x", "FLOAT32", (1, widths[0]))
    y = build.unary("TANH", x)
    for before, after in pairwise(widths):
        kernel = _RNG.normal(0, before**-0.5, (after, before)).astype(np.float32)
        operands = [y, build.constant("kernel", kernel), None]
        y = build.op("FULLY_CONNECTED", operands, "FLOAT32", (1, after))
    main = Subgraph("main", [x], [y], build.ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


def _looped() -> Model:
    """A recurrence as a loop, its batch and its steps open."""
    model = Case((_LSTM,), time_major=False).model()
    lower(model, "loop")
    named = {tensor.name: tensor for tensor in model.main.outputs}
    model.signatures = [Signature("main", model.main, {"x": model.main.inputs[0]}, named)]
    return model


def _kept() -> Model:
    """A sum that the runtime keeps from call to call."""
    build, before = Builder("sum"), Tensor("before", "FLOAT32", (1, 2))
    x = Tensor("x", "FLOAT32", (1, 2))
    y = build.unary("TANH", build.op("ADD", [before, x], "FLOAT32", (1, 2)))
    main = Subgraph("main", [x], [y], build.ops)
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    state = State("sum", np.full((1, 2), 0.5, np.float32))
    add(model, state, before, y)
    keep(model, [state])
    return model


def _part(model: Model, code: str) -> Part:
    (found,) = [part for part in parts(model) if code in [op.code for op in part.ops]]
    return found


MODELS = {
    "LSTM": lambda: model_of(Case((_LSTM,)), classes=5),
    "final states": lambda: model_of(Case((_LSTM,), outputs="finals", initial=("row", "input"))),
    "two directions": lambda: model_of(Case((_LSTM, _LSTM), outputs="finals")),
    "RNN": lambda: model_of(Case((random_rnn(_RNG, 3, 4),), reverse=True, time_major=False)),
    "float16": lambda: quantized(model_of(Case((_LSTM,)), 400), "float16")[0],
    "int8": lambda: quantized(model_of(Case((_LSTM,)), 5), "int8")[0],
    "loop": _looped,
    "variable": _kept,
}


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


def test_a_state_is_timed_with_its_reset_and_its_reader() -> None:
    """The fused op, what sets its states, and what reads the last one are one part."""
    part = _part(MODELS["final states"](), "UNIDIRECTIONAL_SEQUENCE_LSTM")
    codes = [op.code for op in part.ops]
    assert part.lead.code == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert codes.index("UNIDIRECTIONAL_SEQUENCE_LSTM") >= 2  # one op for each state before it
    assert "CONCATENATION" in codes[codes.index("UNIDIRECTIONAL_SEQUENCE_LSTM") :]
    assert "SHAPE" in [op.code for op in part.context]


def test_what_is_prepared_once_is_no_part_s_input() -> None:
    """Weights in float16 stay constants of the op that reads them, behind their CAST."""
    model = MODELS["float16"]()
    dense = _part(model, "FULLY_CONNECTED")
    assert {op.code for op in dense.context} == {"CAST"}
    assert len(dense.inputs) == 1
    first = parts(model)[0]
    assert first.is_early
    assert {"CAST", "SHAPE"} <= {op.code for op in first.ops}


def test_a_variable_is_read_and_assigned_in_one_part() -> None:
    """Handle, first value, reading and assigning go together; the sum between them does not."""
    model = _kept()
    codes = [op.code for op in _part(model, "VAR_HANDLE").ops]
    assert codes == ["CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"]
    assert [op.code for op in _part(model, "TANH").ops] == ["TANH"]


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
    model = _dense([8, 1024, 1024, 8, 8])
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


def _told(**changes: Any) -> dict[str, Any]:
    """A small benchmark.json."""
    row = {"index": 4, "indices": [3, 4], "op": "WHILE", "with": {"FILL": 1}, "name": "gru/y"}
    row |= {"layer": "gru", "sizes": False, "multiply_adds": {"fixed": 0, "per_step": 12}}
    return {
        "machine": {
            "processor": "A Processor",
            "architecture": "x86_64",
            "processors": 2,
            "system": "Linux",
        },
        "models": {
            "model.tflite": {
                "ms": {"median": 1.0, "best": 0.5},
                "ratio": 1.0,
                "bytes": 12345,
                "memory_bytes": 2**20,
                "reason": "",
                "how": "recurrent.lowering: auto",
            },
            "stock": {"reason": "it crashed with SIGSEGV", "how": ""},
        },
        "settings": {"data": "random data", "inputs": {"x": [1, 100, 4]}},
        "ops": {"parts": [{**row, "ms": 0.75, "share": 1.0}], "sum_ms": 0.75, "whole_ms": 0.8},
        **changes,
    }


def test_table_tells_why_there_is_no_figure() -> None:
    """What did not convert has no figures, and its reason below the table; the ops follow."""
    alone = "each op alone, cut out of model.tflite: 0.7500 ms together"
    assert as_text(_told()).splitlines() == [
        "                median      best  ratio      size   memory",
        "model.tflite  1.000 ms  0.500 ms  1.00x  12,345 B  1.0 MiB",
        "stock                -         -      -         -        -",
        "stock: it crashed with SIGSEGV",
        "one thread, the default delegate, random data: x [1, 100, 4]",
        "A Processor, 2 of them, Linux x86_64",
        "",
        "op                   time   share  where",
        "WHILE + 1 FILL  0.7500 ms  100.0%  gru",
        f"{alone}; the whole, without feeding it: 0.8000 ms",
    ]
    untimed = as_text(_told(ops={"reason": "the process crashed"})).splitlines()
    assert untimed[-1] == "No op was timed alone: the process crashed."
