"""`quantization.skip`: which ops a name stands for, and names that are unknown."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.quantize.skip import Skip
from tests.quantize.single import graph, weight


def _op(result: str, constant: str = "c") -> Op:
    kernel = weight(3)
    kernel.name = constant
    x, y = Tensor("net/x", "FLOAT32", (3,)), Tensor(result, "FLOAT32", (3,))
    return Op("ADD", [x, kernel, None], [y])


@pytest.mark.parametrize(
    ("name", "op", "has"),
    [
        ("dense", _op("dense"), True),
        ("dense", _op("dense/add"), True),
        ("dense", _op("dense_1/add"), False),
        ("dense", _op("Dense/add"), False),
        ("dense", _op("net/dense/add"), False),
        ("net/dense", _op("net/dense/add"), True),
        ("dense", _op("relu;dense/add"), True),  # fused: the names of both
        ("dense", _op("y", "dense/bias"), True),
        ("net", _op("y"), False),  # what an op reads that is no constant is another's
    ],
)
def test_a_name_stands_for_all_ops_within_it(name: str, op: Op, has: bool) -> None:
    """By the scopes in the names of an op's results and constants."""
    assert Skip([name]).has(op) == has


def test_no_names_skip_nothing() -> None:
    """Neither the names of layers alone do."""
    assert not Skip().has(_op("dense"))
    assert not Skip(scopes={"dense": "dense"}).has(_op("dense"))


def test_a_layer_stands_under_the_scope_of_its_op() -> None:
    """A backward layer that was grouped is its partner's op; its own name is no scope then."""
    skip = Skip(["backward"], {"backward": "forward"})
    assert skip.has(_op("forward/y"))
    assert not skip.has(_op("backward/y"))
    skip.check(graph([], [], [_op("forward/y")]))


def test_known_names_pass() -> None:
    """A scope, and one within it."""
    Skip(["net", "net/dense"]).check(graph([], [], [_op("net/dense/add")]))


@pytest.mark.parametrize(
    ("name", "remedy"), [("dens", "dense"), ("laier", "layer"), ("something", "")]
)
def test_an_unknown_name_is_refused(name: str, remedy: str) -> None:
    """The error names it, its place in the config, and the nearest layer."""
    skip = Skip(["dense", name], {"layer": "dense"})
    with pytest.raises(StageError, match=f"no layer '{name}'") as caught:
        skip.check(graph([], [], [_op("dense/deep/add")]))
    assert remedy in caught.value.remedy
    assert caught.value.key == ("quantization", "skip", 1)
