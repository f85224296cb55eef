"""TensorArrays of control flow v1 as lists: the same numbers, whatever the array is used for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.graphdef.tensor_arrays import lists_for_arrays
from rnnlite_pipeline.toolchain import load
from tests.random_models.tf1_models import graph_of

X = np.arange(12, dtype=np.float32).reshape(4, 3)

Raw = Any
Call = Callable[[Raw, Any], Any]


def traced(call: Call) -> Any:
    """A function of x [None, 3] as a concrete function, as control flow v1 writes it."""
    tf = load("tensorflow")
    with graph_of(version=1) as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 3], "x")
        outputs = [y.name for y in call(tf.raw_ops, x)]
    wrap = load("tensorflow.python.eager.wrap_function")
    return wrap.function_from_graph_def(graph.as_graph_def(), ["x:0"], outputs)


def rewritten(call: Call) -> list[str]:
    """The list ops of what the call becomes, which computes the same."""
    tf = load("tensorflow")
    old = traced(call)
    new = lists_for_arrays(old)
    for one, two in zip(old(tf.constant(X)), new(tf.constant(X)), strict=True):
        np.testing.assert_array_equal(one, two)
    kinds = [op.type for op in new.graph.get_operations()]
    assert not [kind for kind in kinds if kind.startswith("TensorArray")]
    return [kind.removeprefix("TensorList") for kind in kinds if kind.startswith("TensorList")]


def array(raw: Raw, size: Any = 4, shape: Any = (3,), **more: Any) -> tuple[Any, Any]:
    """The handle and the flow of a new array."""
    dtype = load("tensorflow").float32
    more["clear_after_read"] = False
    return tuple(raw.TensorArrayV3(size=size, dtype=dtype, element_shape=shape, **more))


def gathered(raw: Raw, handle: Any, flow: Any, limit: Any, shape: Any = (3,)) -> Any:
    """The elements 0 to `limit` of an array."""
    tf = load("tensorflow")
    return raw.TensorArrayGatherV3(
        handle=handle, indices=tf.range(limit), flow_in=flow, dtype=tf.float32, element_shape=shape
    )


def scattered(raw: Raw, handle: Any, flow: Any, limit: Any, value: Any) -> Any:
    """The flow after the elements 0 to `limit` have been set."""
    tf = load("tensorflow")
    return raw.TensorArrayScatterV3(
        handle=handle, indices=tf.range(limit), value=value, flow_in=flow
    )


def test_a_function_without_arrays_is_itself() -> None:
    """Nothing is traced anew."""
    function = traced(lambda raw, x: [raw.Neg(x=x)])
    assert lists_for_arrays(function) is function


def test_a_loop() -> None:
    """What is unstacked, read, written and stacked in a loop becomes one list in and one out."""

    def call(_: Raw, x: Any) -> Any:
        tf = load("tensorflow")
        count = tf.shape(x)[0]
        given = tf.TensorArray(tf.float32, count).unstack(x)
        made = tf.TensorArray(tf.float32, count)
        start = (0, tf.zeros([3]), made)

        def step(t: Any, h: Any, made: Any) -> Any:
            h = h + given.read(t)
            return t + 1, h, made.write(t, h)

        return [tf.while_loop(lambda t, *_: t < count, step, start)[2].stack()]

    ops = rewritten(call)
    assert sorted(ops) == ["FromTensor", "GetItem", "Reserve", "SetItem", "Stack"]


def test_the_size_of_another_array_is_not_its_own() -> None:
    """Only as many elements are gathered as the other array has, not all of this one."""

    def call(raw: Raw, x: Any) -> Any:
        handle, flow = array(raw)
        flow = scattered(raw, handle, flow, 4, x)
        other = array(raw, 2)
        size = raw.TensorArraySizeV3(handle=other[0], flow_in=other[1])
        return [gathered(raw, handle, flow, size)]

    assert "Gather" in rewritten(call)


def test_its_own_size_is_the_whole() -> None:
    """Asked for by an op, or the number that the array was made with."""

    def call(raw: Raw, x: Any) -> Any:
        handle, flow = array(raw)
        flow = scattered(raw, handle, flow, 4, x)
        size = raw.TensorArraySizeV3(handle=handle, flow_in=flow)
        return [gathered(raw, handle, flow, limit) for limit in (size, 4)]

    ops = rewritten(call)
    assert ops.count("Stack") == 2
    assert "Gather" not in ops


def test_an_array_that_grew() -> None:
    """Its size is what it is at the flow of the gather: no earlier one, and not the first."""

    def call(raw: Raw, x: Any) -> Any:
        handle, before = array(raw, 2, dynamic_size=True)
        before = scattered(raw, handle, before, 2, x[:2])
        early = raw.TensorArraySizeV3(handle=handle, flow_in=before)
        with load("tensorflow").control_dependencies([early]):
            after = raw.TensorArrayWriteV3(handle=handle, index=2, value=x[2], flow_in=before)
        late = raw.TensorArraySizeV3(handle=handle, flow_in=after)
        return [gathered(raw, handle, after, limit) for limit in (early, 2, late)]

    ops = rewritten(call)
    assert ops.count("Gather") == 2
    assert ops.count("Stack") == 1


def test_a_part_of_an_array_is_set() -> None:
    """The elements that were written before stay in it."""

    def call(raw: Raw, x: Any) -> Any:
        handle, flow = array(raw)
        flow = raw.TensorArrayWriteV3(handle=handle, index=2, value=x[2], flow_in=flow)
        flow = raw.TensorArrayWriteV3(handle=handle, index=3, value=x[3], flow_in=flow)
        flow = scattered(raw, handle, flow, 2, -x[:2])
        return [gathered(raw, handle, flow, 4)]

    assert "ScatterIntoExistingList" in rewritten(call)


@pytest.mark.parametrize("alike", [True, False])
def test_elements_of_two_lengths(*, alike: bool) -> None:
    """A length that one write only has is not taken for that of all, where lengths may differ."""

    def call(raw: Raw, x: Any) -> Any:
        tf = load("tensorflow")
        handle, flow = array(raw, 2, None, identical_element_shapes=alike)
        first = raw.TensorArrayWriteV3(handle=handle, index=0, value=x[:2], flow_in=flow)
        second = x[:2] if alike else x
        flow = raw.TensorArrayWriteV3(handle=handle, index=1, value=second, flow_in=first)
        return [
            raw.TensorArrayReadV3(handle=handle, index=k, flow_in=flow, dtype=tf.float32)
            for k in range(2)
        ]

    function = lists_for_arrays(traced(call))
    (reserve,) = [op for op in function.graph.get_operations() if op.type == "TensorListReserve"]
    shape = load("tensorflow").get_static_value(reserve.inputs[0])
    assert list(shape) == [-1, 3]
    found = function(load("tensorflow").constant(X))
    assert [value.shape[0] for value in found] == [2, 2 if alike else 4]


def test_an_element_without_numbers() -> None:
    """A length of 0 is a length; only an unknown one is open."""

    def call(raw: Raw, x: Any) -> Any:
        handle, flow = array(raw, 4, (0,))
        flow = scattered(raw, handle, flow, 4, x[:, :0])
        return [gathered(raw, handle, flow, 4, (0,))]

    function = lists_for_arrays(traced(call))
    (stack,) = [op for op in function.graph.get_operations() if op.type == "TensorListStack"]
    assert list(load("tensorflow").get_static_value(stack.inputs[1])) == [0]


def test_an_op_that_lists_have_not() -> None:
    """The op is named, and what to use instead."""

    def call(raw: Raw, x: Any) -> Any:
        tf = load("tensorflow")
        handle, flow = array(raw, 1)
        flow = scattered(raw, handle, flow, 1, x[:1])
        return [raw.TensorArrayConcatV3(handle=handle, flow_in=flow, dtype=tf.float32, name="c")[0]]

    with pytest.raises(NotConvertible, match=r'TensorArrayConcatV3 \(op "c"\).*\n.*write, unstack'):
        lists_for_arrays(traced(call))
