"""Many calls of eager TensorFlow code: as a graph, where that is proven to give the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load

Call = Callable[[Sequence[Any]], Sequence[Any]]

#: For how many combinations of shapes a graph is made: TensorFlow keeps each until the end.
GRAPHS = 32

#: Shapes with no axis longer than this run eagerly the first time. To make a graph takes as long as
#: about a hundred steps of a loop take in Python, and many shapes are called only once.
SHORT = 64


def repeated(call: Call) -> Call:
    """The same code, faster when it is called often.

    Eager TensorFlow starts each op from Python, so a loop of T steps costs some T milliseconds;
    as a graph it costs a fiftieth of that. The first call with finite results is made both ways.
    If all values are equal to the last bit, later calls run as graphs, one for each combination of
    shapes. If not, they stay eager: code that draws random numbers, or that decides by Python
    values, is run as its author wrote it. Calls of further short shapes (`SHORT`) are eager at
    first: the second one is made both ways, and decides for the later ones of its shapes.

    Args:
        call: Gives tensors for tensors. It writes no variable.
    """
    graphs: dict[Any, Any] = {}
    seen: set[Any] = set()
    proven: bool | None = None

    def run(tensors: Sequence[Any]) -> Sequence[Any]:
        nonlocal proven
        if proven is False:
            return call(tensors)
        key = tuple((tuple(t.shape), t.dtype.name) for t in tensors)
        if key not in graphs and len(graphs) == GRAPHS:
            return call(tensors)
        if proven and key not in graphs and _is_short(tensors):
            results = call(tensors)
            if key in seen:
                graph = _graph(call)
                gives = _gives(graph, tensors, results)
                graphs[key] = graph if gives else lambda *fed: call(fed)
            seen.add(key)
            return results
        graph = graphs.setdefault(key, _graph(call))
        if proven:
            try:
                return graph(*tensors)  # type: ignore[no-any-return]
            except Exception:  # noqa: BLE001  # the code itself says why, if it cannot either
                return call(tensors)
        results = call(tensors)
        if all(_finite(each) for each in results):
            proven = _gives(graph, tensors, results)
        return results

    return run


def _is_short(tensors: Sequence[Any]) -> bool:
    """Whether no axis is longer than `SHORT`."""
    return all(size <= SHORT for tensor in tensors for size in tensor.shape)


def _graph(call: Call) -> Any:
    """The code as a graph, once it is called."""
    return load("tensorflow").function(lambda *fed: list(call(fed)), autograph=False)


def _gives(graph: Any, tensors: Sequence[Any], results: Sequence[Any]) -> bool:
    """Whether the graph gives these results, to the last bit."""
    try:
        again = graph(*tensors)
    except Exception:  # noqa: BLE001  # the user's own code, which runs eagerly alone
        return False
    pairs = zip(results, again, strict=True)
    return all(np.array_equal(np.asarray(one), np.asarray(two)) for one, two in pairs)


def _finite(result: Any) -> bool:
    """Whether an equal result proves something: two NaNs do not."""
    array = np.asarray(result)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())
