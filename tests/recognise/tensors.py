"""Tensors and symbolic values for tests of single rules."""

from __future__ import annotations

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.text import render
from rnnlite_pipeline.graph.ir import Tensor
from rnnlite_pipeline.recognise.symbolic.values import PerRow, Rows, Value


def tensor(*shape: int, dtype: str = "FLOAT32") -> Tensor:
    """A tensor that is computed."""
    return Tensor("t", dtype, shape)


def row(name: str, width: int) -> Rows:
    """A symbol as a row for each batch entry."""
    return Rows(forms.symbol(name, width))


def shown(value: Value) -> str:
    """A value that has a form, as text."""
    assert isinstance(value, Rows | PerRow)
    return render(value.form)
