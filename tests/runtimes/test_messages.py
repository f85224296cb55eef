"""Arrays from one process to another."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.runtimes.messages import receive, send


def test_messages_arrive_one_after_the_other() -> None:
    """Each with its names, dtypes and shapes, empty arrays and messages as well; then nothing."""
    pipe = io.BytesIO()
    first: dict[str, NDArray[Any]] = {
        "x": np.arange(6, dtype=np.int8).reshape(2, 3),
        "empty": np.zeros((0, 4), np.float32),
        **{name: np.ones(1) for name in ("file", "args", "allow_pickle", "", "a/b.npy", "array/")},
    }
    send(pipe, first)
    send(pipe, {})
    pipe.seek(0)
    found = receive(pipe)
    assert found is not None
    assert found.keys() == first.keys()
    for name, array in first.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    assert receive(pipe) == {}
    assert receive(pipe) is None
