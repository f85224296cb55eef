"""How annotated calls travel in a file: what is written is read, and what is damaged is said."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.composites.record import (
    COMPOSITE,
    DRAWS,
    SAMPLES,
    Sample,
    composite,
    draws,
    nudged,
    read_samples,
    told,
    write_samples,
)
from rnnlite_pipeline.errors import ModelFormatError
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def written(samples: dict[int, list[Sample]]) -> Model:
    """A model with these samples."""
    model = Model([Subgraph("main")])
    write_samples(model, samples)
    return model


def test_what_an_op_is_told() -> None:
    """The call, the layer, the name and the attributes, of any kind that an annotation has."""
    x, y = Tensor("x", "FLOAT32", (2,)), Tensor("y", "FLOAT32", (2,))
    attributes = {"a": 1, "b": 0.5, "c": "text", "d": [True, False], "e": None}
    op = composite(Op("PartitionedCall", [x, None], [y]), 3, "a/b", "acme.LSTM", attributes)
    assert (op.code, op.inputs, op.outputs, op.custom) == (COMPOSITE, [x, None], [y], True)
    found = told(op)
    assert (found.call, found.layer, found.name) == (3, "a/b", "acme.LSTM")
    assert found.attributes == attributes


RIGHT = {"call": 0, "layer": "l", "name": "n", "attributes": {}}


@pytest.mark.parametrize(
    "options",
    [
        None,
        b"",
        b"{}",
        b"[]",
        b"1",
        b"\xff",
        b"[" * 100_000,
        json.dumps(RIGHT | {"call": "0"}).encode(),
        json.dumps(RIGHT | {"call": True}).encode(),
        json.dumps(RIGHT | {"call": [0]}).encode(),
        json.dumps(RIGHT | {"name": None}).encode(),
        json.dumps(RIGHT | {"attributes": []}).encode(),
        json.dumps(RIGHT | {"more": 1}).encode(),
    ],
)
def test_an_op_of_someone_else(options: bytes | None) -> None:
    """What `composite` did not write is damaged, whatever it is."""
    with pytest.raises(ModelFormatError, match="does not say what it is"):
        told(Op(COMPOSITE, [], [], custom=True, custom_options=options))


def test_samples_come_back() -> None:
    """Of each call each sample, in order, with more than ten arrays; a constant is empty."""
    many = tuple(np.full(2, k, np.int64) for k in range(12))
    samples = {0: [Sample((X, None), (X + 1,), (X + 2,)), Sample((X,), (), ())], 7: [
        Sample(many, (X.astype(np.float16),), (np.array([True], np.bool_),))
    ]}  # fmt: skip
    model = written(samples)
    found = read_samples(model)
    assert model.metadata == {}
    assert {call: len(each) for call, each in found.items()} == {0: 2, 7: 1}
    first, second = found[0]
    np.testing.assert_array_equal(first.operands[0], X)
    assert first.operands[1] is not None
    assert first.operands[1].size == 0
    np.testing.assert_array_equal(first.nudged[0], X + 2)
    assert second.results == ()
    (other,) = found[7]
    assert [int(v[0]) for v in other.operands if v is not None] == list(range(12))
    assert (other.results[0].dtype.name, other.nudged[0].dtype.name) == ("float16", "bool")


def test_a_model_without_samples() -> None:
    """There are none to read."""
    assert read_samples(Model([Subgraph("main")])) == {}


def saved(**arrays: Any) -> bytes:
    """An .npz of these arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def damages() -> list[bytes]:
    """Metadata that `write_samples` does not write."""
    whole = written({0: [Sample((X,), (X,), (X,))]}).metadata[SAMPLES]
    flipped = bytearray(whole)
    flipped[flipped.rindex(b"PK\x01\x02") + 10] = 99  # an unknown compression
    array = io.BytesIO()
    np.save(array, X)
    objects = saved(**{"0/0/operands/0": np.array([{}], object)})
    return [
        b"",
        b"no archive",
        whole[: len(whole) // 2],
        bytes(flipped),
        array.getvalue(),
        objects,
        saved(a=X),
        saved(**{"a/0/operands/0": X}),
    ]


@pytest.mark.parametrize("content", damages())
def test_damaged_samples(content: bytes) -> None:
    """An archive that is cut, altered, or of other things is called damaged."""
    model = Model([Subgraph("main")], metadata={SAMPLES: content})
    with pytest.raises(ModelFormatError, match=f"its metadata {SAMPLES} cannot be read"):
        read_samples(model)


def test_operands_are_drawn_in_their_dtypes() -> None:
    """Every open dimension is as long as the others, and constants are not drawn."""
    tensors = [
        Tensor("x", "FLOAT32", (OPEN, 3, OPEN)),
        Tensor("n", "INT32", (OPEN,)),
        Tensor("b", "BOOL", ()),
        Tensor.constant("w", X),
        Tensor("h", "FLOAT16", (0, 2)),
    ]
    found = list(draws(tensors))
    assert len(found) == len(DRAWS)
    for (length, deviation), (x, n, b, w, h) in zip(DRAWS, found, strict=True):
        assert x is not None and n is not None and b is not None and h is not None  # noqa: PT018
        assert (x.shape, n.shape, b.shape, h.shape) == ((length, 3, length), (length,), (), (0, 2))
        dtypes = [each.dtype.name for each in (x, n, b, h)]
        assert dtypes == ["float32", "int32", "bool", "float16"]
        assert set(n) <= {0, 1}
        assert w is None
        assert length == 1 or 0.4 < x.std() / deviation < 2.5
    again = next(draws(tensors))
    np.testing.assert_array_equal(again[0], found[0][0])


def test_floats_are_nudged_by_their_last_place() -> None:
    """Up and down; integers, and constants that are not there, stay."""
    x = np.array([1.0, -2.0, 0.0, 3.0, 5.0, -7.0], np.float32)
    moved, n, none = nudged([x, np.array([1, 2]), None])
    assert moved is not None
    up, down = (
        np.nextafter(x, np.array(np.inf, np.float32)),
        np.nextafter(x, np.array(-np.inf, np.float32)),
    )
    assert all(m in (a, b) for m, a, b in zip(moved, up, down, strict=True))
    assert (moved == up).any()
    assert (moved == down).any()
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(n, [1, 2])
    assert none is None
