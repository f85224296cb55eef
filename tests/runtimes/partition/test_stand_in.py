"""The function that stands in for an op that nobody here can run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.runtimes.partition.stand_in import stand_in
from tests.runtimes.small import op_of, value


def results(*arrays: NDArray[Any], op: Op | None = None) -> list[NDArray[Any]]:
    """The stand-in of an op of one float result [1, 4]."""
    return stand_in(op or op_of("MyOp"), arrays)


def test_the_formula() -> None:
    """y_j = sin(j + k), k = sum_i x_i cos(i) / sqrt(n), over all operands."""
    x, z = np.array([[1.0, 2.0]], np.float32), np.array([3], np.int8)
    k = (1 + 2 * np.cos(1)) / np.sqrt(2) + 3
    (y,) = results(x, z)
    np.testing.assert_allclose(y, np.sin(np.arange(4) + k)[None], rtol=1e-6)
    assert y.dtype == np.float32


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "complex64"])
def test_every_element_counts(dtype: str, place: int) -> None:
    """A change of any element of an operand changes the result."""
    x = np.zeros((2, 3), dtype)
    changed = x.copy()
    changed.flat[place] = 1
    assert not np.allclose(results(x)[0], results(changed)[0])


def test_imaginary_parts_count() -> None:
    """A complex operand is both of its parts."""
    x = np.array([1.0 + 1.0j], np.complex64)
    assert not np.allclose(results(x)[0], results(x.conj())[0])


def test_texts_count() -> None:
    """Two models that hand the op different texts are not the same."""
    one, two = (results(np.array([text], object))[0] for text in (b"one", b"two"))
    assert not np.allclose(one, two)


def test_integers_are_zeros_and_ones() -> None:
    """Whatever the operands; each result has its own shape and type."""
    op = Op("MyOp", [], [value("i", "INT32", (3,)), value("f", "FLOAT16", (2, 1))], custom=True)
    i, f = results(np.ones(2, np.float32), op=op)
    assert (i.tolist(), i.dtype.name) == ([0, 1, 0], "int32")
    assert (f.shape, f.dtype.name) == ((2, 1), "float16")


def test_an_open_dimension_is_an_operands() -> None:
    """Of the first operand that has the axis; where none has it, the error names the tensor."""
    op = op_of("MyOp", gives=value("y", shape=(-1, 3, -1)))
    (y,) = results(np.zeros(5), np.zeros((6, 7, 8)), op=op)
    assert y.shape == (5, 3, 8)
    with pytest.raises(StageError, match="the shape of y is open"):
        results(np.zeros(5), op=op)


def test_a_result_that_is_no_number_is_refused() -> None:
    """There is no such value to be made up."""
    with pytest.raises(StageError, match="y is no plain number"):
        results(op=op_of("MyOp", gives=value("y", "STRING")))
