"""Many calls of eager TensorFlow code: as a graph, where that is proven to give the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

from rnnlite_pipeline.toolchain import load

Call = Callable[[Sequence[Any]], Sequence[Any]]
Shapes = tuple[tuple[int, ...], ...]

#: For how many combinations of shapes a graph is made: TensorFlow keeps each until the end.
GRAPHS = 32


@dataclass(frozen=True)
class _Proof:
    """What the call that was made both ways showed.

    Attributes:
        holds: Whether the graph gave the same.
        brief: Whether the eager call took less time than to make the graph and to run it.
        shapes: The shapes of its tensors.
    """

    holds: bool
    brief: bool
    shapes: Shapes

    def spares_a_graph(self, shapes: Shapes) -> bool:
        """Whether one call on these shapes is faster as eager code: no loop is longer than here.

        A batch makes no loop longer. Where it is not the first axis, only time is lost.
        """
        pairs = zip(self.shapes, shapes, strict=True)
        return self.brief and all(_no_longer(one[1:], other[1:]) for one, other in pairs)


def _no_longer(known: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(known) == len(shape) and all(n <= m for n, m in zip(shape, known, strict=True))


def repeated(call: Call) -> Call:
    """The same code, faster when it is called often.

    Eager TensorFlow starts each op from Python, so a loop of T steps costs some T milliseconds;
    as a graph it costs a fiftieth of that, but a graph takes a fifth of a second to make. The first
    call with finite results is made both ways. If all values are equal to the last bit, later calls
    run as graphs, one for each combination of shapes; the first call of a combination is eager
    where that takes less time than to make the graph. If not, they stay eager: code that draws
    random numbers, or that decides by Python values, is run as its author wrote it.

    Args:
        call: Gives tensors for tensors. It writes no variable.
    """
    graphs: dict[Any, Any] = {}
    once: set[Any] = set()
    proof: _Proof | None = None

    def run(tensors: Sequence[Any]) -> Sequence[Any]:
        nonlocal proof
        if proof and not proof.holds:
            return call(tensors)
        shapes = tuple(tuple(t.shape) for t in tensors)
        key = (shapes, *(t.dtype.name for t in tensors))
        if key not in graphs and len(graphs) == GRAPHS:
            return call(tensors)
        if proof and key not in graphs and key not in once and proof.spares_a_graph(shapes):
            once.add(key)
            return call(tensors)
        graph = graphs.setdefault(key, _graph(call))
        if proof:
            try:
                return graph(*tensors)  # type: ignore[no-any-return]
            except Exception:  # noqa: BLE001  # the code itself says why, if it cannot either
                return call(tensors)
        began = process_time()
        results = call(tensors)
        called = process_time()
        if all(_finite(each) for each in results):
            holds = _gives(graph, tensors, results)
            proof = _Proof(holds, called - began < process_time() - called, shapes)
        return results

    return run


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
