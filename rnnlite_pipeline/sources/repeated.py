"""Many calls of eager TensorFlow code: as a graph, where that is proven to give the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load

Call = Callable[[Sequence[Any]], Sequence[Any]]

#: For how many combinations of shapes a graph is made: TensorFlow keeps each until the end.
GRAPHS = 32


def repeated(call: Call) -> Call:
    """The same code, faster when it is called often with tensors of the same shapes.

    Eager TensorFlow starts each op from Python, so a loop of T steps costs some T milliseconds;
    as a graph it costs a fiftieth of that. The first call with tensors of some shapes is eager.
    The second is made both ways. If all values are finite and equal to the last bit, later calls
    run the graph. If not, they stay eager: code that draws random numbers, or that decides by
    Python values, is run as its author wrote it.

    Args:
        call: Gives tensors for tensors. It writes no variable.
    """
    runs: dict[Any, Call | None] = {}

    def run(tensors: Sequence[Any]) -> Sequence[Any]:
        key = tuple((tuple(t.shape), t.dtype.name) for t in tensors)
        chosen = runs.get(key)
        if chosen is not None:
            return chosen(tensors)
        results = call(tensors)
        if key in runs and _finite(results):
            runs[key] = _graph(call, tensors, results) or call
        elif len(runs) < GRAPHS:
            runs[key] = None
        return results

    return run


def _graph(call: Call, tensors: Sequence[Any], results: Sequence[Any]) -> Call | None:
    """The code as a graph, if it gives these results to the last bit."""
    function = load("tensorflow").function(lambda *fed: list(call(fed)), autograph=False)
    try:
        again = function(*tensors)
    except Exception:  # noqa: BLE001  # the user's own code, which runs eagerly alone
        return None
    pairs = zip(results, again, strict=True)
    if not all(np.array_equal(np.asarray(one), np.asarray(two)) for one, two in pairs):
        return None
    return lambda fed: function(*fed)


def _finite(results: Sequence[Any]) -> bool:
    """Whether equal results prove something: two NaNs do not."""
    arrays = [np.asarray(each) for each in results]
    return all(bool(np.isfinite(a).all()) for a in arrays if a.dtype.kind in "fc")
