"""Steps written out, as the equations of one step."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.cells.symbols import Before
from rnnlite_pipeline.graph.ir import OPEN, Quantization, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import PRODUCTS
from rnnlite_pipeline.recognise.loop.loop import Unrecognised
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight, chains
from rnnlite_pipeline.recognise.unrolled.places import Place
from rnnlite_pipeline.recognise.unrolled.reading import NoRecurrence, Source, Steps, read_steps
from rnnlite_pipeline.shapes.extents import Extents
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm
from tests.recognise.unrolled.test_columns import Steps as Written
from tests.recognise.unrolled_author import Unrolled, Unrolling

X = Tensor("x", "FLOAT32", (4, 2, 3))


def graph(**how: object) -> Subgraph:
    """An LSTM of four steps, written out."""
    return Unrolled([lstm(0)], Spelling(), Unrolling(steps=4, batch=2, **how)).model().main  # type: ignore[arg-type]


def read(main: Subgraph, *, folded: bool = False) -> Steps:
    """Its longest chain as equations."""
    return read_steps(chains(Straight(main))[0], Extents(main), folded)


@pytest.mark.parametrize("reverse", [False, True])
def test_states_and_sources(reverse: bool) -> None:
    """h and c have a value more than there are steps, and x is one sequence in its direction."""
    steps = read(graph(initial="input", reverse=reverse))
    assert [len(values) for values in steps.values] == [5, 5]
    (source,) = steps.sources.values()
    assert source.stride == (-1 if reverse else 1)
    assert [p.position for p in source.places] == ([3, 2, 1, 0] if reverse else [0, 1, 2, 3])
    names = {s.name for state in steps.states for s in state.equation.symbols()}
    assert names >= {Before(0), Before(1), *steps.sources}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_first_step_without_its_product_is_found_again(reverse: bool) -> None:
    """It begins from zero: no value stands before it, and its place is the one before."""
    steps = read(graph(initial="folded", reverse=reverse))
    assert [values[0] for values in steps.values] == [None, None]
    assert [len(values) for values in steps.values] == [5, 5]
    (source,) = steps.sources.values()
    assert [p.position for p in source.places] == ([3, 2, 1, 0] if reverse else [0, 1, 2, 3])


def test_a_step_before_can_be_asked_for() -> None:
    """Where the states come from outside there is none."""
    read(graph(initial="folded"), folded=True)
    with pytest.raises(Unrecognised, match="do not all compute the same"):
        read(graph(initial="input"), folded=True)


def test_layers_of_shared_weights_are_no_recurrence() -> None:
    """They read nothing from outside."""

    def plain(steps: Written, _k: int, state: Tensor) -> Tensor:
        return steps.build.unary("TANH", steps.product(state))

    chain = Written(plain).chain
    with pytest.raises(NoRecurrence, match="reads no sequence"):
        read_steps(chain, Extents(chain.graph.subgraph))


def test_inputs_of_no_sequence_are_a_source() -> None:
    """Three tensors that have nothing to do with each other, and so no step before."""
    chain = Written().chain
    steps = read_steps(chain, Extents(chain.graph.subgraph))
    (source,) = steps.sources.values()
    assert source.places == ()
    assert source.previous is None
    assert [t.name for t in source.tensors] == ["x0", "x1", "x2"]


def test_an_op_without_a_rule_is_named() -> None:
    """The reason is the state's."""

    def step(steps: Written, k: int, state: Tensor) -> Tensor:
        total = steps.build.binary("ADD", steps.product(state), steps.inputs[k])
        return steps.build.unary("CUMSUM", total)

    chain: Chain = Written(step).chain
    with pytest.raises(Unrecognised, match="the op CUMSUM"):
        read_steps(chain, Extents(chain.graph.subgraph))


@pytest.mark.parametrize(
    ("positions", "length", "previous"),
    [
        ([1, 2], 4, 0),
        ([0, 1], 4, None),
        ([2, 1], 4, 3),
        ([3, 2], 4, None),
        ([3, 2], OPEN, 4),
    ],
)
def test_the_step_before_the_first(positions: list[int], length: int, previous: int | None) -> None:
    """Inside the sequence, whose end is unknown where its length is open."""
    x = Tensor("x", "FLOAT32", (length, 2, 3))
    source = Source((X, X), tuple(Place(x, 0, k) for k in positions))
    assert source.previous == (None if previous is None else Place(x, 0, previous))


def test_integers_that_stand_for_other_numbers_are_not_read_as_these() -> None:
    """A matrix of int8 is quantized: the steps stay, and the reason names it."""
    main = graph(initial="input")
    for op in main.ops:
        if op.code in PRODUCTS and op.inputs[1] is not None and op.inputs[1].array is not None:
            array = np.round(op.inputs[1].array * 50).astype(np.int8)
            op.inputs[1] = Tensor.constant("stored", array)
            op.inputs[1].quantization = Quantization(scale=(0.02,), zero_point=(0,))
    with pytest.raises(Unrecognised, match="stored, which is quantized"):
        read(main)
