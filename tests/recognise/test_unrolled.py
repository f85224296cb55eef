"""Steps written out one after the other are read as the recurrence they are, and run as it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE, Recurrence
from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Model, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.lower.fused import why_not_fused
from rnnlite_pipeline.recognise import Finding, recognise
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import layers, lstm, numbers, simple_rnn, spellings
from tests.recognise.test_spellings import check_same
from tests.recognise.unrolled_author import Cell, Unrolled, Unrolling, truth

Array = NDArray[Any]
Written = tuple[list[Cell], Spelling, Unrolling]

quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def written_out(draw: st.DrawFn) -> Written:
    """Cells that a fused op computes, how a step of them is written, and how the steps are."""
    cells = draw(layers().filter(_is_fusable))
    how = Unrolling(
        steps=draw(st.integers(3, 6)),
        batch=draw(st.sampled_from([OPEN, 2])),
        reader=draw(st.sampled_from(["unpack", "slice", "gather", "split"])),
        reverse=draw(st.booleans()),
        initial=draw(st.sampled_from(["zero", "input", "folded"])),
        emits=draw(st.sampled_from(["all", "each", "last"])),
        finals=draw(st.booleans()),
        stacked_axis=draw(st.sampled_from([0, 1])),
    )
    return cells, draw(spellings(cells)), how


def _is_fusable(cells: list[Cell]) -> bool:
    return all(why_not_fused(Recurrence("", cell)) is None for cell in cells)


def check(what: Written) -> Model:
    """Each layer is found as the cell it is, and all runs as the cells' equations say."""
    cells, spelling, how = what
    model = Unrolled(cells, spelling, how).model()
    arrays, old = numbers(model), copy.deepcopy(model)
    findings = recognise(model, objection)
    assert [f.reason for f in findings] == [""] * len(cells)
    for finding, cell in zip(findings, cells, strict=True):
        check_same(finding.recurrences[0], cell)
    steps = {op.outputs[0].shape[0] for op in recurrences(model) if op.outputs[0].shape}
    assert steps == {how.steps}
    lower(model)
    expected = truth(cells, how, arrays)
    for graph in (old, model):
        for name, value in run(graph, arrays).items():
            np.testing.assert_allclose(value, expected[name], rtol=0, atol=2e-5)
    return model


def recurrences(model: Model) -> list[Any]:
    """The recurrences of a model, as ops."""
    return [op for op in model.ops() if op.code == RECURRENCE]


def run(model: Model, arrays: dict[str, Array]) -> dict[str, Array]:
    """The model's outputs, on reference kernels."""
    return Runner(write_model(copy.deepcopy(model)), "reference").run(arrays)


@quick
@given(written_out())
def test_reads_steps_in_any_spelling(what: Written) -> None:
    """However a step is spelled and the steps are strung together, the recurrence is found."""
    check(what)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"steps": 2},
        {"steps": 8},
        {"reader": "slice"},
        {"reader": "gather"},
        {"reader": "split"},
        {"reverse": True},
        {"initial": "input"},
        {"initial": "folded"},
        {"initial": "folded", "reverse": True},
        {"emits": "each"},
        {"emits": "last"},
        {"emits": "last", "finals": True},
        {"stacked_axis": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("joined", [False, True])
def test_each_way_to_string_steps_together(how: dict[str, Any], joined: bool) -> None:
    """Each part of how steps are written out, alone, with [x, h] joined and apart."""
    spelling = Spelling(kernels="concatenated" if joined else "joined")
    check(([lstm(3)], spelling, Unrolling(**how)))


@pytest.mark.parametrize(
    "cell",
    [
        lstm(1, peephole=True),
        lstm(1, outputs=2, projection_clip=0.25, cell_clip=0.5),
        lstm(1, coupled=True),
        simple_rnn(1),
        simple_rnn(1, activation="RELU"),
    ],
    ids=["peephole", "projection and clips", "coupled", "tanh", "relu"],
)
@pytest.mark.parametrize("initial", ["zero", "folded"])
def test_each_cell(cell: Cell, initial: Any) -> None:
    """Each variant of a cell is read from its steps, the first folded or not."""
    check(([cell], Spelling(), Unrolling(initial=initial)))


def test_nothing_is_left_of_the_steps() -> None:
    """Of the steps of two layers nothing but the fused ops and their states is left."""
    cells: list[Cell] = [lstm(1, features=2), lstm(2, features=3)]
    model = check((cells, Spelling(), Unrolling(steps=5)))
    codes = [op.code for op in model.ops()]
    assert codes.count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 2
    assert not {"LOGISTIC", "FULLY_CONNECTED", "PACK", "UNPACK"} & set(codes)


class OtherBias(Unrolled):
    """One step has another bias."""

    def written(self, number: int, layer: int, cell: Cell, value: Tensor) -> list[Tensor]:
        """The third step of the cell is another cell's in its bias alone."""
        assert isinstance(cell, Lstm)
        other = lstm(3)
        other.forget.bias[:] += 1.0
        return super().written(number, layer, other if number == 2 else cell, value)


class OtherRecurrent(Unrolled):
    """One step has other recurrent weights."""

    def written(self, number: int, layer: int, cell: Cell, value: Tensor) -> list[Tensor]:
        """The third step is that of another cell."""
        return super().written(number, layer, lstm(9) if number == 2 else cell, value)


class ExtraOp(Unrolled):
    """One step does more to its output than the others."""

    def written(self, number: int, layer: int, cell: Cell, value: Tensor) -> list[Tensor]:
        """The third step halves its output."""
        h, *rest = super().written(number, layer, cell, value)
        if number == 2:
            h = self.build.binary("MUL", h, self.build.constant("half", np.array(0.5, np.float32)))
        return [h, *rest]


class LooksBack(Unrolled):
    """Each step from the third on adds the output of the step before the last."""

    def written(self, number: int, layer: int, cell: Cell, value: Tensor) -> list[Tensor]:
        """The cell state is that of two steps ago."""
        states = self.history[layer][number]
        far = self.history[layer][max(0, number - 1)]
        return Step(self.build, self.spelling).write(cell, value, [states[0], far[1]])


class CellStates(Unrolled):
    """The cell state of every step is used."""

    def put_out(self, emitted: list[Tensor], last: Tensor) -> None:
        """The third cell state is an output, too."""
        super().put_out(emitted, last)
        self.outputs["cell"] = self.history[0][3][1]


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        (OtherBias, "different weights"),
        (OtherRecurrent, "different weights"),
        (ExtraOp, "do not all compute the same"),
        (LooksBack, "do not all compute the same"),
        (CellStates, "more is used of its steps"),
    ],
)
def test_near_misses_stay(author: type[Unrolled], reason: str) -> None:
    """Steps that differ, or of which more is used than a recurrence gives, stay, with a reason."""
    model = author([lstm(3)], Spelling(), Unrolling(steps=5)).model()
    before = [op.code for op in model.ops()]
    (finding,) = recognise(model, objection)
    assert reason in finding.reason
    assert finding.stays == "UNROLLED"
    assert [op.code for op in model.ops()] == before


def test_a_cell_without_a_fused_op_stays() -> None:
    """Steps of a cell that no fused op computes stay: a loop would be slower than they are."""
    cell = simple_rnn(1, activation="SIGMOID")
    model = Unrolled([cell], Spelling(), Unrolling()).model()
    (finding,) = recognise(model, objection)
    assert "activation is sigmoid" in finding.reason
    assert not recurrences(model)


class Shuffled(Unrolled):
    """The steps are taken in no order of the sequence."""

    def taken_apart(self, x: Tensor) -> list[Tensor]:
        """The steps 2, 0, 3, 1."""
        parts = super().taken_apart(x)
        return [parts[t] for t in (2, 0, 3, 1)]


def test_steps_in_any_order() -> None:
    """Steps that a cell reads in an order of their own are put together as a sequence in it."""
    cell = lstm(3)
    model = Shuffled([cell], Spelling(), Unrolling(steps=4)).model()
    arrays = numbers(model)
    (finding,) = recognise(model, objection)
    check_same(finding.recurrences[0], cell)
    lower(model)
    expected = Recurrence("", cell, time_major=False).run(arrays["x"][:, [2, 0, 3, 1]])[0]
    np.testing.assert_allclose(run(model, arrays)["y"], expected, rtol=0, atol=2e-5)


def test_layers_that_share_weights() -> None:
    """Two layers of one cell, weights and all, are two recurrences."""
    check(([simple_rnn(1, units=2), simple_rnn(1, units=2)], Spelling(), Unrolling()))


def test_weights_used_twice_are_no_chain() -> None:
    """One layer applied to two inputs, as in a siamese network, is no recurrence."""
    author = Unrolled([lstm(3)], Spelling(), Unrolling(steps=1, batch=2, initial="input"))
    model = author.model()
    twin = Unrolled([lstm(3)], Spelling(), Unrolling(steps=1, batch=2, initial="input")).model()
    main = Subgraph(
        "main",
        [*model.main.inputs, *twin.main.inputs],
        [*model.main.outputs, *twin.main.outputs],
        [*model.main.ops, *twin.main.ops],
    )
    assert recognise(Model([main])) == []


def test_shared_weights_in_depth_are_no_recurrence() -> None:
    """Dense layers that share their weights, one upon the other, read no sequence."""
    build, x = Builder("deep"), Tensor("x", "FLOAT32", (OPEN, 3))
    weights, value = build.constant("w", np.eye(3, dtype=np.float32)), x
    for _ in range(4):
        value = build.op("FULLY_CONNECTED", [value, weights, None], "FLOAT32", (OPEN, 3))
        value = build.unary("RELU", value)
    assert recognise(Model([Subgraph("main", [x], [value], build.ops)])) == []


def one_step(order: str, spelling: Spelling, cells: list[Cell]) -> Model:
    """x and the states of each cell to a head's output and the new states, as `order` has them."""
    build, inputs = Builder("cell"), dict[str, Tensor]()
    outputs: dict[str, Tensor] = {}
    value = inputs["x"] = Tensor("x", "FLOAT32", (OPEN, cells[0].features))
    for layer, cell in enumerate(cells):
        named = zip(order, cell.states if order == "hc" else cell.states[::-1], strict=False)
        given = {n: Tensor(f"{n}{layer}", "FLOAT32", (OPEN, width)) for n, width in named}
        inputs |= {t.name: t for t in given.values()}
        states = Step(build, spelling).write(cell, value, [given[n] for n in "hc" if n in given])
        outputs |= {f"new_{n}{layer}": s for n, s in zip("hc", states, strict=False)}
        value = states[0]
    outputs = {n: outputs[n] for n in sorted(outputs, reverse=order == "ch")}
    outputs["head"] = Step(build, spelling).product(value, np.ones((2, (value.shape or ())[-1])))
    main = Subgraph("main", [*inputs.values()], [*outputs.values()], build.ops)
    return Model([main], [Signature("run", main, inputs, outputs)])


@pytest.mark.parametrize("order", ["hc", "ch"])
@pytest.mark.parametrize("kernels", ["joined", "concatenated", "separate"])
@pytest.mark.parametrize("layered", [1, 2])
def test_one_step_with_states_given(order: str, kernels: Any, layered: int) -> None:
    """A step between a model's own states is a fused op of one step, which streams right."""
    cells: list[Cell] = [lstm(k, units=3, features=3) for k in range(layered)]
    model = one_step(order, Spelling(kernels=kernels), cells)
    old = copy.deepcopy(model)
    findings = recognise(model, objection)
    assert [len(f.recurrences) for f in findings] == [1] * layered
    lower(model)
    assert sum(op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM" for op in model.ops()) == layered
    arrays = numbers(model)
    for _ in range(3):
        expected, got = run(old, arrays), run(model, arrays)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-5)
        arrays |= {n.removeprefix("new_"): v for n, v in got.items() if n != "head"}


def test_one_dense_step_is_left_alone() -> None:
    """One step of a simple RNN is a dense layer of two inputs: nothing says that it recurs."""
    model = one_step("hc", Spelling(), [simple_rnn(1)])
    findings: list[Finding] = recognise(model, objection)
    assert findings == []
