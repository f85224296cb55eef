"""The table of LiteRT's Interpreter, held to the kernels that the wheel registers."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.runtimes.single_ops import CODES, single_op_models

TABLE = RUNTIMES["litert"].table

#: A model of each op, in the first type that it has.
MODELS = {code: model for code, _, model in reversed(list(single_op_models()))}


def lacks(code: str, version: int) -> bool:
    """Whether the wheel has no kernel for this version of an op."""
    model = MODELS[code]
    model.main.ops[0].version = version
    try:
        Runner(write_model(model), "no_delegate")
    except StageError as error:
        return "Didn't find op" in error.message
    return False


@pytest.mark.parametrize("code", CODES)
def test_versions_are_those_of_the_wheel(code: str) -> None:
    """The highest version of the table has a kernel, and the next one has none."""
    rule = TABLE.rule(code)
    assert rule is not None
    assert rule.version is not None
    assert not lacks(code, rule.version)
    assert lacks(code, rule.version + 1)
