"""Chains of products by one matrix."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.recognise.unrolled.chains import Chain, Straight, chains, scope

EYE, TWO = np.eye(2, dtype=np.float32), 2 * np.eye(2, dtype=np.float32)


class Lines:
    """Straight-line code over one input."""

    def __init__(self) -> None:
        self.build = Builder("g")
        self.x = Tensor("x", "FLOAT32", (1, 2))

    def product(self, value: Tensor, matrix: np.ndarray = EYE) -> Tensor:
        """The value times a constant of its own."""
        weights = self.build.constant("w", matrix)
        return self.build.op("FULLY_CONNECTED", [value, weights, None], "FLOAT32", (1, 2))

    def run(self, value: Tensor, count: int, matrix: np.ndarray = EYE) -> Tensor:
        """So many steps tanh(W h)."""
        for _ in range(count):
            value = self.build.unary("TANH", self.product(value, matrix))
        return value

    def graph(self) -> Straight:
        """All of it."""
        return Straight(Subgraph("g", [self.x], [], self.build.ops))

    def products(self) -> list[Op]:
        """The products in order."""
        return [op for op in self.build.ops if op.code == "FULLY_CONNECTED"]


def found(lines: Lines) -> list[list[int]]:
    """Each chain by the numbers of its products."""
    order = {id(op): k for k, op in enumerate(lines.products())}
    return [[order[id(op)] for op in chain.products] for chain in chains(lines.graph())]


def test_products_by_one_matrix_are_a_chain() -> None:
    """By the matrix's content, not by its tensor; each in the order it depends on the others."""
    lines = Lines()
    lines.run(lines.x, 3)
    assert found(lines) == [[0, 1, 2]]


def test_other_matrices_and_single_products_are_none() -> None:
    """And neither are two that do not depend on each other."""
    lines = Lines()
    lines.run(lines.run(lines.x, 1), 1, TWO)
    assert found(lines) == []
    lines.product(lines.x)
    assert found(lines) == []


def test_the_longest_chain_comes_first() -> None:
    """Then the one that begins first."""
    lines = Lines()
    lines.run(lines.x, 2, TWO)
    lines.run(lines.x, 3)
    lines.run(lines.x, 2, 3 * EYE)
    assert found(lines) == [[2, 3, 4], [0, 1], [5, 6]]


def test_layers_that_share_their_weights_are_chains_of_their_own() -> None:
    """The product of the step before is nearer than the one of the layer below."""
    lines = Lines()
    below = [lines.x]
    for _ in range(3):
        below.append(lines.run(below[-1], 1))
    above = lines.x
    for value in below[1:]:
        deep = lines.build.unary("RELU", lines.build.unary("TANH", lines.build.unary("NEG", value)))
        above = lines.build.unary("TANH", lines.build.binary("ADD", lines.product(above), deep))
    assert found(lines) == [[0, 1, 2], [3, 4, 5]]


def test_levels_count_the_products_before() -> None:
    """An input has none, and what follows a product has one more."""
    lines = Lines()
    last = lines.run(lines.x, 2)
    beside = lines.build.unary("NEG", lines.x)
    (chain,) = chains(lines.graph())
    assert [chain.level(t) for t in (lines.x, beside, last)] == [0, 0, 2]
    assert [chain.level(op.outputs[0]) for op in chain.products] == [1, 2]


def test_equal_constants_are_the_same() -> None:
    """Not those of another shape, and not what is computed."""
    lines = Lines()
    graph = lines.graph()
    one, two = (lines.build.constant("w", EYE) for _ in range(2))
    flat = lines.build.constant("w", EYE.reshape(-1))
    assert graph.same([one, two])
    assert graph.same([lines.x, lines.x])
    assert not graph.same([one, flat])
    assert not graph.same([one, lines.build.constant("w", TWO)])
    assert not graph.same([lines.x, Tensor("y", "FLOAT32", (1, 2))])


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["model/lstm/cell_1/MatMul", "model/lstm/cell_2/MatMul"], "model/lstm"),
        (["model/lstm/MatMul;other/name", "model/lstm/MatMul_1"], "model/lstm"),
        (["one", "two"], "one"),
        (["a/x", "b/x"], "a/x"),
    ],
)
def test_the_scope_that_names_have_in_common(names: list[str], common: str) -> None:
    """The layer; the first product's own name where there is none."""
    ops = [Op("FULLY_CONNECTED", [], [Tensor(name, "FLOAT32", (1,))]) for name in names]
    assert scope(ops) == common


def test_a_chain_knows_its_graph() -> None:
    """Who makes a tensor: an op, or nobody."""
    lines = Lines()
    last = lines.run(lines.x, 2)
    chain = Chain(lines.graph(), tuple(lines.products()))
    maker = chain.graph.producer(last)
    assert maker is not None
    assert maker.code == "TANH"
    assert chain.graph.producer(lines.x) is None
