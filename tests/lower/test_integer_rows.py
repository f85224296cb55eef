"""A sequence that is quantized once instead of row by row: the same numbers, no real values."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.integer_rows import integer_rows
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.lower.cases import histogram
from tests.runtimes.models import a_gru, in_integers, lowered, sample


def steps(interface: str, scheme: str = "int16x8") -> Model:
    """A GRU written out, its sequence unpacked as real values."""
    model = in_integers(lowered(a_gru(), "unrolled"), scheme, interface)
    unroll(model, every=True)
    return model


@pytest.mark.parametrize(("interface", "quantized"), [("int16", 0), ("float32", 1)])
def test_the_sequence_is_quantized_once(interface: str, quantized: int) -> None:
    """Behind a DEQUANTIZE not at all, elsewhere by one op; every bit is as before."""
    model = steps(interface)
    made = copy.deepcopy(model)
    assert integer_rows(made)
    before, after = histogram(model), histogram(made)
    assert after["QUANTIZE"] == before["QUANTIZE"] - 5 + quantized
    (unpack,) = (op for op in made.main.ops if op.code == "UNPACK")
    assert {t.dtype for t in (*unpack.inputs, *unpack.outputs) if t} == {"INT16"}
    assert interface == "float32" or "DEQUANTIZE" not in after
    for seed in range(3):
        given = sample(model, seed)
        runs = [Runner(write_model(m), "reference").run(given) for m in (model, made)]
        for name, values in runs[0].items():
            np.testing.assert_array_equal(values, runs[1][name])


def test_what_is_integer_or_read_as_real_stays() -> None:
    """In int8 rows are integers already; a row that anything else reads must stay real."""
    assert not integer_rows(steps("float32", "int8"))
    model = steps("float32")
    (unpack,) = (op for op in model.main.ops if op.code == "UNPACK")
    row = unpack.outputs[2]
    model.main.ops.append(make_op("TANH", [row], [Tensor("other", "FLOAT32", row.shape)]))
    before = histogram(model)
    assert not integer_rows(model)
    assert histogram(model) == before
