"""Complex numbers, which LiteRT hardly has."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.stages.convert import Conversion, check_convertible


def test_complex_numbers_end_in_one_reason() -> None:
    """One error names the complex ops and what converts, and lists no other op."""
    x, y = (Tensor(name, "FLOAT32", (1, 8)) for name in "xy")
    first, second = (Tensor(name, "COMPLEX64", (1, 8)) for name in "st")
    ops = [
        Op("FlexCast", [x], [first], custom=True),
        Op("FlexFFT", [first], [second], custom=True),
        Op("FlexReal", [second], [y], custom=True),
    ]
    source = {"format": "tflite", "path": "m.tflite"}
    config = Config.model_validate({"name": "m", "source": source})
    with pytest.raises(NotConvertible, match="no op for Cast, FFT, Real of them") as told:
        check_convertible(Conversion(Model([Subgraph("main", [x], [y], ops)]), ()), config)
    assert "rfft" in told.value.remedy
