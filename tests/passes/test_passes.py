"""Each pass leaves the fewest ops and the same numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.passes.fold_last_step import fold_last_step
from rnnlite_pipeline.passes.fold_reverse import fold_reverse
from rnnlite_pipeline.passes.fold_transpose import fold_transpose
from rnnlite_pipeline.passes.group_bidirectional import group_bidirectional
from rnnlite_pipeline.passes.layout import layout
from tests.lower.cases import random_lstm, random_rnn
from tests.passes.sequences import SWAP, Graph, Settings, changed_alike, counts, run_passes

RNG = np.random.default_rng(0)
TimeMajor = Literal["keep"] | bool
Merge = Literal["group", "split"]
LAYOUTS: st.SearchStrategy[TimeMajor] = st.sampled_from(("keep", True, False))
MERGES: st.SearchStrategy[Merge] = st.sampled_from(("group", "split"))
CELL, OTHER = random_lstm(RNG, 3, 4), random_lstm(RNG, 3, 4)


def bidirectional(graph: Graph, steps: bool = True) -> list[Tensor]:
    """Both directions as Keras writes them: the backward one reads and writes reversed."""
    x = graph.transpose(graph.x, SWAP)
    forward = graph.recurrence(x, CELL, "forward")[0]
    backward = graph.recurrence(graph.reverse(x, 0), OTHER, "backward")[0]
    if not steps:
        return [graph.step(forward, 0, -1), graph.step(backward, 0, -1)]
    return [graph.transpose(forward, SWAP), graph.reverse(graph.transpose(backward, SWAP), 1)]


def test_fold_reverse_makes_the_backward_layer_a_reverse_recurrence() -> None:
    """Both reversals of a backward layer go, through the transpose between them."""
    graph = Graph()
    left = changed_alike(graph.model(*bidirectional(graph)), fold_reverse)
    assert left["REVERSE_V2"] == 0


def test_fold_reverse_keeps_running_order_where_it_is_used() -> None:
    """go_backwards without a second reversal: y is used as it ran, and reversed once."""
    graph = Graph()
    x = graph.reverse(graph.transpose(graph.x, SWAP), 0)
    y = graph.recurrence(x, CELL)[0]
    model = graph.model(graph.transpose(y, SWAP), graph.reverse(y, 0))
    assert changed_alike(model, fold_reverse)["REVERSE_V2"] == 1
    (op,) = (op for op in model.ops() if op.code == RECURRENCE)
    assert op.options["recurrence"].reverse


@pytest.mark.parametrize("index", [0, 2, -1, -3])
def test_fold_reverse_turns_steps(index: int) -> None:
    """Step k of a reversed sequence is step -1 - k of the sequence."""
    graph = Graph()
    reversed_ = graph.reverse(graph.transpose(graph.x, SWAP), 0)
    assert changed_alike(graph.model(graph.step(reversed_, 0, index)), fold_reverse) == {
        "TRANSPOSE": 1,
        "STRIDED_SLICE": 1,
    }


def test_fold_reverse_leaves_other_axes_alone() -> None:
    """A reversal of the features is not one of time."""
    graph = Graph()
    y = graph.recurrence(graph.reverse(graph.transpose(graph.x, SWAP), 2), CELL)[0]
    assert changed_alike(graph.model(y), fold_reverse)["REVERSE_V2"] == 1


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_fold_last_step_takes_the_final_state(transposed: bool, reverse: bool) -> None:
    """The step processed last is the final state, in either layout and direction."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    y = graph.recurrence(x, CELL, reverse=reverse)[0]
    y = graph.transpose(y, SWAP) if transposed else y
    model = graph.model(graph.step(y, int(transposed), 0 if reverse else -1))
    assert changed_alike(model, fold_last_step) == {"TRANSPOSE": 1, RECURRENCE: 1}


@pytest.mark.parametrize(("index", "left"), [(4, 0), (-5, 1), (3, 1), (0, 1)])
def test_fold_last_step_counts_where_the_length_is_known(index: int, left: int) -> None:
    """With five steps step 4 is the last, and no other is."""
    graph = Graph(steps=5)
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    model = graph.model(graph.step(y, 0, index))
    assert changed_alike(model, fold_last_step)["STRIDED_SLICE"] == left


def test_fold_last_step_does_not_guess_an_open_length() -> None:
    """Step 4 of an open length may be any step."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    assert changed_alike(graph.model(graph.step(y, 0, 4)), fold_last_step)["STRIDED_SLICE"] == 1


def test_fold_last_step_sees_through_a_list_of_one() -> None:
    """The one step of an expanded final state is that state."""
    graph = Graph()
    final = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[1]
    model = graph.model(graph.step(graph.expand_dims(final, 0), 0, -1))
    assert changed_alike(model, fold_last_step) == {"TRANSPOSE": 1, RECURRENCE: 1}


def test_fold_last_step_keeps_two_outputs_two() -> None:
    """A last step returned beside the final state stays a tensor of its own."""
    graph = Graph()
    y, final, _ = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)
    model = graph.model(graph.step(y, 0, -1), final)
    changed_alike(model, fold_last_step)
    assert len(set(model.main.outputs)) == 2


def test_fold_transpose_merges_and_cancels() -> None:
    """Two swaps are nothing; two rotations are one TRANSPOSE."""
    graph = Graph()
    swapped = graph.transpose(graph.transpose(graph.unary("NEG", graph.x), SWAP), SWAP)
    rotated = graph.transpose(graph.transpose(swapped, (1, 2, 0)), (1, 2, 0))
    left = changed_alike(graph.model(graph.unary("TANH", swapped), rotated), fold_transpose)
    assert left["TRANSPOSE"] == 1


def test_fold_transpose_sinks_through_a_merge() -> None:
    """The sum or the concatenation of two transposed outputs is transposed once, or not at all."""
    for code in ("ADD", "CONCATENATION"):
        graph = Graph()
        x = graph.unary("NEG", graph.x)
        a, b = (graph.transpose(graph.unary(c, x), SWAP) for c in ("TANH", "RELU"))
        both = graph.binary(code, a, b) if code == "ADD" else graph.concatenate([a, b], 2)
        model = graph.model(graph.unary("NEG", graph.transpose(both, SWAP)))
        assert changed_alike(model, fold_transpose)["TRANSPOSE"] == 0


def test_fold_transpose_stays_where_it_would_not_help() -> None:
    """An input transposed and also used as it is keeps its one TRANSPOSE."""
    graph = Graph()
    y = graph.unary("TANH", graph.transpose(graph.x, SWAP))
    model = graph.model(y)
    assert changed_alike(model, fold_transpose) == {"TRANSPOSE": 1, "TANH": 1}


def test_group_joins_both_directions() -> None:
    """Forward and backward of one x become one op, whatever the merge."""
    graph = Graph()
    forward, backward = bidirectional(graph)
    model = graph.model(
        graph.binary("MUL", forward, backward), graph.binary("ADD", forward, backward)
    )
    fold_reverse(model)
    left = changed_alike(model, group_bidirectional)
    assert (left[BIDIRECTIONAL], left[RECURRENCE]) == (1, 0)


@pytest.mark.parametrize(
    "cells",
    [
        (CELL, random_lstm(RNG, 3, 5)),
        (CELL, random_rnn(RNG, 3, 4)),
        (CELL, random_lstm(RNG, 3, 4, activation="RELU")),
        (CELL, random_lstm(RNG, 3, 4, coupled=True)),
        (CELL, random_lstm(RNG, 3, 4, peephole=True)),
        (CELL, random_lstm(RNG, 3, 4, cell_clip=1.0)),
        (random_lstm(RNG, 3, 4, layer_norm=True), random_lstm(RNG, 3, 4, layer_norm=True)),
    ],
)
def test_group_leaves_what_one_op_cannot_run(cells: tuple[object, object]) -> None:
    """Other widths, kinds, activations, variants and clips, and layer norm, stay two ops."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    ys = [
        graph.recurrence(x, cell, reverse=reverse)[0]  # type: ignore[arg-type]
        for cell, reverse in zip(cells, (False, True), strict=True)
    ]
    assert not group_bidirectional(graph.model(*ys))


def test_group_leaves_an_encoder_and_its_reader() -> None:
    """A backward layer that starts from the forward one's states cannot run beside it."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    _, h, c = graph.recurrence(x, CELL)
    c = graph.unary("TANH", c)
    y = graph.recurrence(x, OTHER, reverse=True)[0]
    graph.ops[-1].inputs[1:] = [h, c]
    assert not group_bidirectional(graph.model(y))


def test_group_moves_what_reads_the_first_behind_the_pair() -> None:
    """An op between the two that reads the first one's output still finds it."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    first = graph.unary("NEG", graph.recurrence(x, CELL, reverse=True)[0])
    second = graph.recurrence(x, OTHER)[0]
    assert changed_alike(graph.model(first, second), group_bidirectional)[BIDIRECTIONAL] == 1


@pytest.mark.parametrize(("time_major", "transposes"), [("keep", 0), (True, 2), (False, 0)])
def test_layout_of_a_wrapped_layer(time_major: TimeMajor, transposes: int) -> None:
    """Keras wraps its layer in transposes: kept, it runs batch-major and needs none."""
    graph = Graph()
    y = graph.recurrence(graph.transpose(graph.x, SWAP), CELL)[0]
    model = graph.model(graph.transpose(y, SWAP))
    left = changed_alike(model, lambda m: run_passes(m, Settings(time_major)))
    assert left["TRANSPOSE"] == transposes


@pytest.mark.parametrize(("time_major", "transposes"), [("keep", 0), (True, 0), (False, 2)])
def test_layout_of_a_bare_layer(time_major: TimeMajor, transposes: int) -> None:
    """A time-major source stays time-major when kept; its interface never changes."""
    graph = Graph()
    model = graph.model(graph.recurrence(graph.x, CELL)[0])
    left = changed_alike(model, lambda m: run_passes(m, Settings(time_major)))
    assert left["TRANSPOSE"] == transposes


def test_layout_turns_a_chain_together() -> None:
    """Layers chained through an activation and a sum are turned as one; nothing is left between."""
    graph = Graph()
    x = graph.transpose(graph.x, SWAP)
    a = graph.recurrence(x, random_rnn(RNG, 3, 3), "a")[0]
    both = graph.binary("ADD", graph.unary("RELU", a), x)
    b = graph.recurrence(both, CELL, "b")[0]
    model = graph.model(graph.transpose(b, SWAP))
    assert changed_alike(model, lambda m: run_passes(m, Settings()))["TRANSPOSE"] == 0


def test_layout_is_settled() -> None:
    """A second run changes nothing."""
    graph = Graph()
    model = graph.model(*bidirectional(graph))
    run_passes(model, Settings())
    assert not layout(model, "keep")


@pytest.mark.parametrize("last", [False, True])
def test_keras_bidirectional_needs_the_fewest_ops(last: bool) -> None:
    """One op for both directions and the merge: no reversal, no transpose, no slice."""
    graph = Graph()
    model = graph.model(graph.concatenate(bidirectional(graph, steps=not last), 1 if last else 2))
    left = changed_alike(model, lambda m: run_passes(m, Settings()))
    assert left == {BIDIRECTIONAL: 1, "CONCATENATION": 1}


@st.composite
def stacks(draw: st.DrawFn) -> Model:
    """Layers in a row, with reversals, swaps and elementwise ops thrown in between."""
    graph = Graph(steps=draw(st.sampled_from([-1, 5])))
    value, time_axis, outputs = graph.x, 1, []
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["layer", "both", "reverse", "swap", "relu", "last"]))
        if kind in ("layer", "both"):
            x = value if time_axis == 0 else graph.transpose(value, SWAP)
            width = (x.shape or ())[2]
            if kind == "layer":
                value = graph.recurrence(x, random_rnn(RNG, width, 3), reverse=draw(st.booleans()))[
                    0
                ]
            else:
                one = graph.recurrence(x, random_rnn(RNG, width, 3))[0]
                two = graph.recurrence(graph.reverse(x, 0), random_rnn(RNG, width, 3))[0]
                value = graph.binary("ADD", one, graph.reverse(two, 0))
            time_axis = 0
        elif kind == "reverse":
            value = graph.reverse(value, time_axis)
        elif kind == "swap":
            value, time_axis = graph.transpose(value, SWAP), 1 - time_axis
        elif kind == "relu":
            value = graph.unary("RELU", value)
        else:
            outputs.append(graph.step(value, time_axis, draw(st.sampled_from([0, -1]))))
    return graph.model(*outputs, graph.unary("NEG", value))


@settings(max_examples=40, deadline=None)
@given(stacks(), LAYOUTS, MERGES)
def test_passes_keep_the_numbers(model: Model, time_major: TimeMajor, bidirectional: Merge) -> None:
    """Whatever stands around the layers, all passes together change no output."""
    before = counts(model)["TRANSPOSE"]
    chosen = Settings(time_major, bidirectional)
    left = changed_alike(model, lambda m: run_passes(m, chosen))
    if time_major == "keep":
        assert left["TRANSPOSE"] <= before


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(stacks(), LAYOUTS, MERGES)
def test_passes_keep_the_numbers_at_length(
    model: Model, time_major: TimeMajor, bidirectional: Merge
) -> None:
    """The same as above, over many more stacks."""
    chosen = Settings(time_major, bidirectional)
    changed_alike(model, lambda m: run_passes(m, chosen))
