"""Models in another precision than LiteRT's are refused in those words."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.stages.convert import Conversion, check_convertible


@pytest.mark.parametrize(
    ("dtype", "says"),
    [
        ("FLOAT64", "computes in float64, and LiteRT in float32: in float64 it has no op for Tanh"),
        ("FLOAT16", "computes in float16"),
        ("FLOAT32", r"The runtime has no op for Tanh \(y\)"),
    ],
)
def test_other_precisions(dtype: str, says: str) -> None:
    """An op that is missing in this precision alone is not what to replace."""
    x, y = Tensor("x", dtype, (2,)), Tensor("y", dtype, (2,))
    graph = Subgraph("main", [x], [y], [Op("FlexTanh", [x], [y], custom=True)])
    source = {"format": "keras", "path": "m.keras"}
    config = Config.model_validate({"name": "m", "source": source})
    with pytest.raises(NotConvertible, match=says):
        check_convertible(Conversion(Model([graph]), ()), config)
