"""Which whole numbers an input takes, found by asking the source.

A Keras model says how many indices its Embedding has. A graph or a function does not say whether
its integers are lengths of sequences, indices, or counts from 1: it is run on some, and those it
takes are those that it is tested on.

An input that a Gather of the graph reads as indices, directly or through ops that change no value,
takes those of the table. It may be of floats: a Cast makes them whole. Other numbers are out of
range: TensorFlow refuses them, and LiteRT reads past the end of the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.graph_edit import nodes_of
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec
from rnnlite_pipeline.toolchain import load

#: The length of an open dimension but the batch, and so the largest length of a sequence.
STEPS = 17
BATCH = 3

_GATHERS = ("Gather", "GatherV2", "ResourceGather")

#: Ops whose first operand's values are their result's.
_PASSING = frozenset(
    {
        "Cast",
        "ExpandDims",
        "Identity",
        "Reshape",
        "Slice",
        "Squeeze",
        "StopGradient",
        "StridedSlice",
        "Transpose",
    }
)


def with_ranges(source: SourceModel) -> SourceModel:
    """The source with a range for each input of whole numbers that has none.

    What indexes a table has the table's rows, though it be of floats (rows_read). For other
    integers, lengths from 0 to all of the steps are tried first, then from 1, then 0 and 1. Those
    that make every result finite come first: an attention over no step at all is no number, and
    nothing can be compared with that. A source that refuses them all is left as it is: what it
    needs stands in the config's data, or nowhere.
    """
    source = _with_rows(source)
    names = [s.name for s in source.inputs if np.dtype(s.dtype).kind in "iu"]
    unknown = [name for name in names if name not in source.limits]
    if not unknown:
        return source
    steps, taken = _steps(source.inputs), None
    for values in (range(steps + 1), range(1, steps + 1), range(2), range(1, 2)):
        limits = {**source.limits, **dict.fromkeys(unknown, values)}
        made = [_results(source, feed) for feed in _feeds(source.inputs, limits)]
        results = [each for each in made if each is not None]
        if any(map(_is_finite, results)):
            return replace(source, limits=limits)
        if results and taken is None:
            taken = replace(source, limits=limits)
    return taken or source


def _with_rows(source: SourceModel) -> SourceModel:
    if source.content is not None or source.keras_model is not None:
        return source  # a file, and Keras, have said what they know
    known = {
        source.inputs[position].name: range(rows)
        for position, rows in rows_read(source.trace()).items()
        if position < len(source.inputs)
    }
    return replace(source, limits={**known, **source.limits}) if known else source


def _steps(inputs: Sequence[TensorSpec]) -> int:
    """The length of the shortest sequence among the inputs."""
    sequences = [s.shape[1] for s in inputs if len(s.shape) > 2]
    return min((n for n in sequences if n is not None), default=STEPS)


def _feeds(inputs: Sequence[TensorSpec], limits: dict[str, range]) -> Iterator[dict[str, Array]]:
    """Numbers for the inputs, of every range its first and its last; sequences in both layouts."""
    rng = np.random.default_rng(0)
    for time_major in (False, True):
        feed = {}
        for spec in inputs:
            shape = _shape(spec, time_major)
            array = rng.standard_normal(shape)
            if spec.name in limits:
                values = limits[spec.name]
                array = np.resize([values.start, values.stop - 1], shape)
            feed[spec.name] = np.asarray(array, np.dtype(spec.dtype))
        yield feed


def _shape(spec: TensorSpec, time_major: bool) -> tuple[int, ...]:
    sizes = [BATCH, *[STEPS] * len(spec.shape)]
    if time_major and len(spec.shape) > 2:
        sizes[:2] = [STEPS, BATCH]
    return tuple(n if d is None else d for d, n in zip(spec.shape, sizes, strict=False))


def _results(source: SourceModel, feed: dict[str, Array]) -> dict[str, Array] | None:
    """What the source makes of some numbers; None where it does not take them."""
    try:
        return source.run(feed)
    except Exception:  # noqa: BLE001  # whatever the source raises on numbers it does not take
        return None


def _is_finite(results: dict[str, Array]) -> bool:
    return all(np.isfinite(a).all() for a in results.values() if a.dtype.kind in "fc")


# The rows of tables -------------------------------------------------------------------------------


def rows_read(function: Any) -> dict[int, int]:
    """For each argument that indexes a table, the table's rows; the smallest of several.

    Args:
        function: A concrete function.
    """
    if not any(node.op in _GATHERS for node in nodes_of(function.graph.as_graph_def())):
        return {}
    frozen = load("tensorflow.python.framework.convert_to_constants")
    graph = _Graph(frozen._run_inline_graph_optimization(function, False, False), function)
    found = {
        position: graph.rows(tensor.op.name)
        for position, tensor in enumerate(function.inputs)
        if tensor.dtype != load("tensorflow").resource
    }
    return {position: min(rows) for position, rows in found.items() if rows}


class _Graph:
    """An inlined GraphDef.

    Args:
        definition: The GraphDef.
        function: The function it was made of, for the shapes of its variables.
    """

    def __init__(self, definition: Any, function: Any) -> None:
        self._nodes = {node.name: node for node in definition.node}
        self._readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        for node in definition.node:
            for place, read in enumerate(node.input):
                self._readers[_owner(read)].append((node, place))
        variables = {id(v.handle): v for v in function.graph.variables}
        self._tables = {
            inner.op.name: variables[id(outer)].shape
            for outer, inner in function.graph.captures
            if id(outer) in variables
        }

    def rows(self, name: str) -> list[int]:
        """The rows of every table that an op's values index."""
        found, waiting, seen = list[int](), [name], {name}
        while waiting:
            for node, place in self._readers[waiting.pop()]:
                if node.op in _GATHERS and place == 1:
                    found += self._of_table(node)
                elif node.op in _PASSING and place == 0 and node.name not in seen:
                    seen.add(node.name)
                    waiting.append(node.name)
        return found

    def _of_table(self, gather: Any) -> list[int]:
        """The size of a table along the axis that is gathered, if it is the first."""
        if len(gather.input) > 2 and gather.op == "GatherV2":
            axis = self._constant(gather.input[2])
            if axis is None or axis.any():
                return []
        name = _owner(gather.input[0])
        while name in self._nodes and self._nodes[name].op in ("Identity", "ReadVariableOp"):
            name = _owner(self._nodes[name].input[0])
        shape = self._tables.get(name)
        if shape is not None and shape.rank and shape[0] is not None:
            return [int(shape[0])]
        value = self._constant(name)
        return [len(value)] if value is not None and value.ndim else []

    def _constant(self, name: str) -> Any:
        node = self._nodes.get(_owner(name))
        if node is None or node.op != "Const":
            return None
        return load("tensorflow").make_ndarray(node.attr["value"].tensor)


def _owner(name: str) -> str:
    return name.lstrip("^").partition(":")[0]
