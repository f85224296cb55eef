"""An op's options are part of what a step computes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rnnlite_pipeline.algebra.forms import apply, symbol
from rnnlite_pipeline.compare.validation import objection
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.passes.tensor_lists import tensor_lists_to_tensors
from rnnlite_pipeline.recognise import recognise
from tests.recognise.alike import check_alike
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling, Step
from tests.recognise.strategies import simple_rnn

#: Every elementwise op of the algebra that has options, and two settings of them.
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("GELU", {"approximate": False}),
    ("GELU", {"approximate": True}),
    ("LEAKY_RELU", {"alpha": 0.1}),
    ("LEAKY_RELU", {"alpha": 0.5}),
    ("SOFTMAX", {"beta": 1.0}),
    ("SOFTMAX", {"beta": 3.0}),
]


def step_with(code: str, options: dict[str, Any]) -> type[Step]:
    """A simple RNN with another activation."""

    class Other(Step):
        def activated(self, name: str, z: Tensor) -> Tensor:  # noqa: ARG002
            """Whatever it is to be."""
            return self.build.op(code, [z], "FLOAT32", z.shape, **options)

    return Other


@pytest.mark.parametrize(("code", "options"), OPTIONS)
def test_options_are_kept(code: str, options: dict[str, Any]) -> None:
    """The loop written for an activation computes it with the options it had."""
    model = Author([simple_rnn(4)], Spelling(), step_with(code, options)).model()
    loop = copy.deepcopy(model)
    tensor_lists_to_tensors(loop)
    (finding,) = recognise(model, objection)
    assert not finding.reason, finding.reason
    lower(model)
    written = [op.options for op in model.ops() if op.code == code]
    assert [{k: o[k] for k in options} for o in written] == [options] * len(written) != []
    check_alike(loop, model)


def test_options_are_part_of_the_equation() -> None:
    """A function with other options is another function, columns of it included."""
    z = symbol("x", 3)
    one, other = (apply("LEAKY_RELU", z, options=(("alpha", a),)) for a in (0.1, 0.2))
    assert one.key != other.key
    assert one.columns(0, 2).key != other.columns(0, 2).key
    assert (
        one.columns(0, 2).key == apply("LEAKY_RELU", z.columns(0, 2), options=(("alpha", 0.1),)).key
    )
