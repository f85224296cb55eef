"""Two layers in one loop, one step apart, compute what they compute in two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest

from rnnlite_pipeline.cells.cell import Cell
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.loop.joined import NotAlike
from rnnlite_pipeline.lower.loop.stack import joined_cells
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import KERNELS, histogram, random_lstm, random_rnn
from tests.lower.loop_cases import gru, hard_lstm, masked

Made = Callable[..., Cell]


def peephole(rng: np.random.Generator, features: int, units: int) -> Cell:
    """An LSTM whose gates see the cell state."""
    return random_lstm(rng, features, units, peephole=True)


def reset_before(rng: np.random.Generator, features: int, units: int) -> Cell:
    """A GRU whose reset gate multiplies what the product reads."""
    return gru(rng, features, units, reset_after=False)


CELLS: dict[str, Made] = {
    "LSTM": random_lstm,
    "peephole LSTM": peephole,
    "GRU": gru,
    "SimpleRNN": random_rnn,
}


def two_layers(cells: Sequence[Cell], steps: int, *, reverse: bool, time_major: bool) -> Model:
    """A model of two recurrences, of which the second one's outputs and states are put out.

    Each takes its initial states as inputs.
    """

    def sized(batch: int, time: int, width: int) -> tuple[int, int, int]:
        return (time, batch, width) if time_major else (batch, time, width)

    x = read = Tensor("x", "FLOAT32", sized(OPEN, steps, cells[0].features))
    inputs, ops, outputs = [x], list[Op](), list[Tensor]()
    for place, cell in enumerate(cells):
        given = [
            Tensor(f"given{place}_{k}", "FLOAT32", (OPEN, w)) for k, w in enumerate(cell.states)
        ]
        y = Tensor(f"y{place}", "FLOAT32", sized(OPEN, steps, cell.states[0]))
        ends = [Tensor(f"end{place}_{k}", "FLOAT32", (OPEN, w)) for k, w in enumerate(cell.states)]
        made = Recurrence(f"layer{place}", cell, reverse, time_major)
        ops.append(Op(RECURRENCE, [read, *given], [y, *ends], {"recurrence": made}))
        inputs += given
        read, outputs = y, [y, *ends]
    return Model([Subgraph("main", inputs, outputs, ops)])


def loops(model: Model) -> int:
    """How many loops the main graph has."""
    return sum(op.code == "WHILE" for op in model.main.ops)


@pytest.mark.parametrize("steps", [2, 3, 9, 50])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", list(CELLS))
def test_one_loop_computes_both(name: str, reverse: bool, steps: int) -> None:
    """Outputs and final states, for layers of unequal width and states that are given."""
    rng = np.random.default_rng(steps)
    cells = CELLS[name](rng, 3, 5), CELLS[name](rng, 5, 4)
    for time_major in (False, True):
        model = two_layers(cells, steps, reverse=reverse, time_major=time_major)
        layers = [op.options["recurrence"] for op in model.main.ops]
        assert [each.form for each in lower(model, "loop")] == ["stacked", "stacked"]
        assert loops(model) == 1
        data = write_model(model)
        for kernels in KERNELS:
            runner = Runner(data, kernels)
            for batch in (1, 3, 1):
                shape = (steps, batch, 3) if time_major else (batch, steps, 3)
                fed = {"x": rng.normal(size=shape).astype(np.float32)}
                sequence, ends = fed["x"], list[np.ndarray]()
                for place, layer in enumerate(layers):
                    given = [rng.normal(size=(batch, w)) for w in layer.cell.states]
                    for k, state in enumerate(given):
                        fed[f"given{place}_{k}"] = state.astype(np.float32)
                    states = [fed[f"given{place}_{k}"] for k in range(len(given))]
                    sequence, *ends = layer.run(sequence, states)
                got = runner.run(fed).values()
                for one, want in zip(got, [sequence, *ends], strict=True):
                    np.testing.assert_allclose(one, want, atol=2e-5)


def _lowered(model: Model, **options: object) -> int:
    lower(model, "loop", **options)  # type: ignore[arg-type]
    return loops(model)


def _small(steps: int = 9, *, units: int = 4, second: Made = gru) -> Model:
    rng = np.random.default_rng(0)
    cells = gru(rng, 3, units), second(rng, units, units)
    return two_layers(cells, steps, reverse=False, time_major=False)


def test_where_there_are_two_loops() -> None:
    """An open length, wide layers, other cells, outputs and states that are read elsewhere."""
    assert _lowered(_small()) == 1
    assert _lowered(_small(OPEN)) > 1
    assert _lowered(_small(units=64)) > 1
    assert _lowered(_small(second=random_rnn)) > 1
    assert _lowered(_small(), integers=True) > 1
    between = _small()
    between.main.outputs.append(between.main.ops[0].outputs[0])
    assert _lowered(between) > 1
    ended = _small()
    ended.main.outputs.append(ended.main.ops[0].outputs[1])
    assert _lowered(ended) > 1


def test_a_layer_that_stays_in_float_is_apart() -> None:
    """`quantization.skip` names one of two: each keeps its own weights."""
    assert _lowered(_small(), weight_bytes=1, skipped=lambda name: name == "layer0") > 1
    assert _lowered(_small(), weight_bytes=1, skipped=lambda _: True) == 1


def test_targets_without_an_op_that_it_needs() -> None:
    """There each layer is a loop of its own."""
    assert _lowered(_small(), targets=("tflm",)) > 1


def test_a_closed_batch_leaves_no_size_open() -> None:
    """LiteRT on the web takes no op whose size is known only while the model runs."""
    model = _small()
    for tensor in {t for op in model.main.ops for t in (*op.inputs, *op.outputs) if t is not None}:
        tensor.shape = tuple(1 if size == OPEN else size for size in tensor.shape or ())
    assert _lowered(model) == 1
    assert not RUNTIMES["litert-web"].judge(model).refusals


def test_three_layers_are_a_pair_and_one() -> None:
    """The third layer reads what the loop of two puts out."""
    rng = np.random.default_rng(0)
    cells = [gru(rng, 3, 4), gru(rng, 4, 4), gru(rng, 4, 4)]
    model = two_layers(cells, 9, reverse=False, time_major=True)
    forms = [(each.name, each.form, each.scope) for each in lower(model, "loop")]
    assert forms == [
        ("layer0", "stacked", "layer0"),
        ("layer1", "stacked", "layer0"),
        ("layer2", "loop", ""),
    ]
    assert histogram(model)["WHILE"] == 2


def test_the_fastest_form_is_measured() -> None:
    """`fastest` takes one loop only where two take longer; what it took is said."""
    model = _small(40)
    forms = {each.form for each in lower(model, "fastest")}
    assert forms in ({"stacked"}, {"loop"}, {"unrolled"})
    assert loops(model) == {"stacked": 1, "loop": 2, "unrolled": 2}[forms.pop()]


def test_cells_that_are_not_alike() -> None:
    """Other functions, masks, and reductions over columns."""
    rng = np.random.default_rng(0)
    pairs = [
        (gru(rng, 3, 4), reset_before(rng, 4, 4)),
        (reset_before(rng, 3, 4), reset_before(rng, 4, 4)),
        (hard_lstm(rng, 3, 4), hard_lstm(rng, 4, 4)),
        (random_rnn(rng, 3, 4), hard_lstm(rng, 4, 4)),
        (masked(gru(rng, 3, 4)), masked(gru(rng, 3, 4))),
        (random_lstm(rng, 3, 4, layer_norm=True), random_lstm(rng, 4, 4, layer_norm=True)),
    ]
    for first, second in pairs:
        with pytest.raises(NotAlike):
            joined_cells(first.equations(), second.equations())


def test_cells_whose_output_may_overflow() -> None:
    """0 times infinity is no number: zeros multiply only what is bounded."""
    rng = np.random.default_rng(0)
    for make in (partial(random_rnn, activation="RELU"), partial(random_lstm, activation="RELU")):
        with pytest.raises(NotAlike):
            joined_cells(make(rng, 3, 4).equations(), make(rng, 4, 4).equations())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", list(CELLS))
def test_what_is_no_number_reaches_no_earlier_step(name: str, value: float) -> None:
    """x is read a step ahead, and multiplied by the first layer's matrix alone."""
    rng = np.random.default_rng(0)
    cells = CELLS[name](rng, 3, 4), CELLS[name](rng, 4, 4)
    model = two_layers(cells, 9, reverse=False, time_major=False)
    layers = [op.options["recurrence"] for op in model.main.ops]
    model.main.outputs = model.main.outputs[:1]
    assert _lowered(model) == 1
    x = rng.normal(size=(1, 9, 3)).astype(np.float32)
    x[0, 6] = value
    given = {f"given{k}_{n}": np.zeros((1, 4), np.float32) for k in (0, 1) for n in (0, 1)}
    for kernels in KERNELS:
        runner = Runner(write_model(model), kernels)
        (got,) = runner.run(
            {"x": x} | {k: v for k, v in given.items() if k in runner.inputs}
        ).values()
        want = layers[1].run(layers[0].run(x[:, :6])[0])[0]
        np.testing.assert_allclose(got[:, :6], want, atol=2e-5)


def test_what_gates_share_is_computed_once() -> None:
    """The joined step of two GRUs has as many ops as a GRU's, but for what parts its columns."""
    rng = np.random.default_rng(0)
    model, alone = _small(), Model([])
    cell = gru(rng, 3, 4)
    lower(model, "loop")
    alone = two_layers([cell], 9, reverse=False, time_major=False)
    lower(alone, "loop")
    ahead = histogram(Model([model.main]))
    assert histogram(model)["LOGISTIC"] - ahead["LOGISTIC"] == histogram(alone)["LOGISTIC"]
    assert histogram(model)["TANH"] - ahead["TANH"] == histogram(alone)["TANH"]
