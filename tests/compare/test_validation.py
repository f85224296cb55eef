"""Translation validation: a rewrite that differs from its loop is seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.cells.gate import Gate
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import RECURRENCE
from rnnlite_pipeline.compare.firm import TOLERANCE
from rnnlite_pipeline.compare.validation import (
    check_whole,
    largest_difference,
    objection,
)
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers, prune
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import Replacement, recognise
from rnnlite_pipeline.recognise.loop.rewrite import replace_loop
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm, numbers

OPEN_SIZES = Spelling(initial="input")
CLOSED_SIZES = replace(OPEN_SIZES, batch=2, steps=4, trip="constant")


def proposed(spelling: Spelling, cell: Lstm | None = None) -> Replacement:
    """A right replacement of a loop, not yet made."""
    model = Author([cell or lstm(2)], spelling).model()
    (loop,) = (op for op in model.ops() if op.code == "WHILE")
    return replace_loop(loop, model.main, "layer")


def recurrence_op(replacement: Replacement) -> Op:
    """The op that stands for the loop."""
    (op,) = (op for op in replacement.ops if op.code == RECURRENCE)
    return op


def change(replacement: Replacement, **fields: Any) -> None:
    """Changes the recurrence that a replacement puts in."""
    options = recurrence_op(replacement).options
    options["recurrence"] = replace(options["recurrence"], **fields)


def perturb(gate: str, part: str) -> Callable[[Replacement], None]:
    """One weight of a gate is off by 1e-3."""

    def fault(replacement: Replacement) -> None:
        cell = recurrence_op(replacement).options["recurrence"].cell
        known: Gate = getattr(cell, gate)
        weights = getattr(known, part).copy()
        weights.flat[-1] += 1e-3
        change(replacement, cell=replace(cell, **{gate: replace(known, **{part: weights})}))

    return fault


def forget_initial_state(index: int) -> Callable[[Replacement], None]:
    """A state starts from zeros."""

    def fault(replacement: Replacement) -> None:
        recurrence_op(replacement).inputs[index] = None

    return fault


def turn_round(replacement: Replacement) -> None:
    """The sequence is read from its end."""
    change(replacement, reverse=True)


def swap_finals(replacement: Replacement) -> None:
    """The final h and c are taken for each other."""
    op, results = recurrence_op(replacement), replacement.results
    swapped = {id(op.outputs[1]): op.outputs[2], id(op.outputs[2]): op.outputs[1]}
    for key, (old, new) in results.items():
        results[key] = (old, swapped.get(id(new), new))


def swap_gates(replacement: Replacement) -> None:
    """The input gate is taken for the forget gate."""
    cell = recurrence_op(replacement).options["recurrence"].cell
    change(replacement, cell=replace(cell, input=cell.forget, forget=cell.input))


def clip(replacement: Replacement) -> None:
    """A clip that the loop has not."""
    cell = recurrence_op(replacement).options["recurrence"].cell
    change(replacement, cell=replace(cell, cell_clip=1.5))


FAULTS = {
    "input kernel": perturb("input", "kernel"),
    "forget bias": perturb("forget", "bias"),
    "candidate recurrent kernel": perturb("candidate", "recurrent"),
    "output bias": perturb("output", "bias"),
    "initial h dropped": forget_initial_state(1),
    "initial c dropped": forget_initial_state(2),
    "direction": turn_round,
    "final states": swap_finals,
    "gates": swap_gates,
    "clip": clip,
}


@pytest.mark.parametrize("spelling", [OPEN_SIZES, CLOSED_SIZES], ids=["open", "closed"])
def test_right_replacement(spelling: Spelling) -> None:
    """A right replacement meets no objection."""
    assert objection(proposed(spelling)) is None


@pytest.mark.parametrize("spelling", [OPEN_SIZES, CLOSED_SIZES], ids=["open", "closed"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_wrong_replacement(fault: Callable[[Replacement], None], spelling: Spelling) -> None:
    """A replacement that is wrong in one place is objected to."""
    replacement = proposed(spelling)
    fault(replacement)
    assert "differs from the loop" in (objection(replacement) or "")


def test_objection_keeps_the_loop() -> None:
    """A loop whose replacement is objected to stays as it is, with the objection as the reason."""
    model = Author([lstm()], OPEN_SIZES).model()
    before = write_model(model)
    (finding,) = recognise(model, lambda _: "not today")
    assert finding.reason == "not today"
    assert not finding.recurrences
    assert write_model(model) == before


def test_loop_that_cannot_be_run() -> None:
    """A loop whose list cannot become a tensor is objected to, for it cannot be checked."""
    replacement = proposed(OPEN_SIZES)
    reserve = replacement.extents.producer(replacement.loop.op.inputs[_list(replacement.loop.op)])
    assert reserve is not None
    reserve.code = "FlexEmptyTensorList"
    assert "could not be checked" in (objection(replacement) or "")


def test_loop_that_the_runtime_refuses() -> None:
    """A loop that the runtime does not load is objected to, for it cannot be checked."""
    replacement = proposed(OPEN_SIZES)
    for op in replacement.loop.op.options["body_subgraph"].ops:
        op.version = 99 if op.code == "FULLY_CONNECTED" else op.version
    assert "could not be checked" in (objection(replacement) or "")


def _list(loop: Op) -> int:
    return next(k for k, t in enumerate(loop.inputs) if t is not None and t.dtype == "VARIANT")


def both(spelling: Spelling = CLOSED_SIZES) -> tuple[Model, Model]:
    """A model with its loop on tensors, and the same with the fused op."""
    model = Author([lstm(4)], replace(spelling, finals=False)).model()
    old = copy.deepcopy(model)
    tensor_lists_to_tensors(old)
    recognise(model)
    lower(model)
    return old, model


def leak(model: Model) -> None:
    """Takes away what writes the initial states: variables keep them from call to call."""
    made = producers(model.main)
    for op in list(model.main.ops):
        for tensor in op.inputs:
            if tensor is not None and tensor.is_variable and made.get(tensor) in model.main.ops:
                model.main.ops.remove(made[tensor])
    prune(model)


@pytest.mark.parametrize("initial", ["zero", "input"])
def test_leaking_state(initial: Any) -> None:
    """A state that survives a call makes a difference in the second one."""
    old, new = both(replace(CLOSED_SIZES, initial=initial))
    leaking = copy.deepcopy(new)
    leak(leaking)
    zeros = {name: array * (name == "x") for name, array in numbers(old).items()}
    assert largest_difference(old, new, iter([zeros])) < TOLERANCE
    assert largest_difference(old, leaking, iter([zeros])) > 1e-2


def test_whole_models() -> None:
    """Equal models pass; one with an output off by a little is refused."""
    old, new = both(replace(CLOSED_SIZES, initial="zero"))
    check_whole(old, new)
    fused = next(op for op in new.main.ops if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    place, bias = next((k, t) for k, t in enumerate(fused.inputs) if t and t.shape == (3,))
    assert bias.array is not None
    fused.inputs[place] = Tensor.constant("off", bias.array + np.float32(1e-3))
    with pytest.raises(StageError, match="differs from its source's graph"):
        check_whole(old, new)


def test_outputs_of_another_shape_differ() -> None:
    """A model that gives one step in place of all is infinitely far."""
    old, _ = both()
    _, last = both(replace(CLOSED_SIZES, write="last"))
    assert largest_difference(old, last, iter([numbers(old)])) == float("inf")


def stacked(layers: int) -> tuple[Model, Model]:
    """Layers with clips in one loop: as a loop, and as fused ops."""
    widths = [2, *[3] * layers]
    cells = [lstm(k, units=3, features=widths[k], cell_clip=0.5) for k in range(layers)]
    model = Author(cells, replace(CLOSED_SIZES, finals=False, initial="zero")).model()
    old = copy.deepcopy(model)
    tensor_lists_to_tensors(old)
    recognise(model)
    lower(model)
    return old, model


def fused(model: Model, place: int) -> Op:
    """One of its fused ops."""
    return [op for op in model.main.ops if op.code == "UNIDIRECTIONAL_SEQUENCE_LSTM"][place]


def exchange_gates(model: Model) -> None:
    """The kernels of the input gate and of the forget gate are taken for each other."""
    op = fused(model, -1)
    op.inputs[1], op.inputs[2] = op.inputs[2], op.inputs[1]


def drop_clip(model: Model) -> None:
    """The first layer's cell is not clipped."""
    fused(model, 0).options["cell_clip"] = 0.0


def late_by_a_step(model: Model) -> None:
    """Each step's state is given out one step late."""
    op, build = fused(model, -1), Builder("late")
    (y,) = op.outputs
    before = Tensor("before", y.dtype, y.shape)
    axis = 0 if op.options["time_major"] else 1
    late = build.gather(before, build.indices([0, 0, 1, 2]), axis)
    op.outputs, build.ops[-1].outputs = [before], [y]
    assert late.shape == y.shape
    place = model.main.ops.index(op) + 1
    model.main.ops[place:place] = build.ops


WHOLE_FAULTS = {"gates": exchange_gates, "clip": drop_clip, "late": late_by_a_step}


@pytest.mark.parametrize("fault", WHOLE_FAULTS.values(), ids=WHOLE_FAULTS.keys())
@pytest.mark.parametrize("deep", [False, True], ids=["one", "deep"])
def test_whole_model_with_a_fault(fault: Callable[[Model], None], deep: bool) -> None:
    """Rounding explains no swapped gate, no clip too many or too few, no state a step off."""
    old, new = stacked(4 if deep else 1)
    check_whole(old, new)
    fault(new)
    with pytest.raises(StageError, match="differs from its source's graph"):
        check_whole(old, new)


def fourth_power(factor: float, largest: float) -> Model:
    """x [B, 2] to factor * x^4, `largest` at most."""
    build, x = Builder("power"), Tensor("x", "FLOAT32", (OPEN, 2))
    square = build.binary("MUL", x, x)
    scaled = build.binary("MUL", square, build.constant("factor", np.full((), factor, np.float32)))
    y = build.binary("MUL", scaled, square)
    y = build.binary("MINIMUM", y, build.constant("largest", np.full((), largest, np.float32)))
    graph = Subgraph("main", [x], [y], build.ops)
    return Model([graph], [Signature("serving_default", graph, {"x": x}, {"y": y})])


def periodic(factor: float) -> Model:
    """x [B, 2] times a weight, where a count of 6 is a multiple of the weight's period, else x."""
    build, x = Builder("periodic"), Tensor("x", "FLOAT32", (OPEN, 2))

    def constant(*numbers: float) -> Tensor:
        return build.constant("c", np.array(numbers, np.float32))

    count = build.binary("MUL", constant(3, 3), constant(2, 2))
    due = build.binary("EQUAL", build.binary("FLOOR_MOD", count, constant(2, 4)), constant(0))
    moved = build.binary("MUL", x, constant(factor))
    y = build.op("SELECT_V2", [due, moved, x], x.dtype, x.shape)
    graph = Subgraph("main", [x], [y], build.ops)
    return Model([graph], [Signature("serving_default", graph, {"x": x}, {"y": y})])


def test_counts_and_periods_are_exact() -> None:
    """A model that jumps with the last bit of a period is proven with the period as it is."""
    check_whole(periodic(0.7), periodic(0.7))
    with pytest.raises(StageError, match="differs from its source's graph"):
        check_whole(periodic(0.7), periodic(0.8))


def test_overflow_says_nothing() -> None:
    """Where a graph overflows on large numbers, the other is held to it on smaller ones."""
    old = fourth_power(1.0, np.inf)
    huge = {"x": np.full((3, 2), 1e8, np.float32)}
    assert largest_difference(old, fourth_power(1.0, 3e31), iter([huge])) < TOLERANCE
    assert largest_difference(old, fourth_power(0.5, 3e31), iter([huge])) > TOLERANCE
    assert largest_difference(old, fourth_power(1.0, 1.0), iter([huge])) > TOLERANCE
