"""Softplus, log(1 + exp(x)), which TensorFlow's converter spells so that it overflows.

The converter writes LOG(ADD(EXP(x), 1)): infinite from x = 88.8, and 0 below x = -16. TensorFlow's
own kernel is right everywhere (softplus_op.h): x for large x, exp(x) for small x.

Rules:
    1. softplus(x) = max(x, 0) + log1p(t), with t = exp(-|x|), 0 < t <= 1. Nothing overflows.
    2. log1p(t) = log(1 + t) from t = 1/128 up, and t - t^2 / 2 below. LOG near 1 is off by up to
       1.2e-7 on XNNPACK (measured, ai-edge-litert 2.3), which is as much as a small result. With
       the two forms the relative error stays below 3e-5, and the absolute one below 2e-7.
    3. The last op is a SELECT_V2, not a sum: a cell's equations keep it as one function of x, and
       multiply nothing out.
    4. Functions and bodies of loops too. log(1 + exp(x)) as a source itself writes it stays: there
       the source overflows as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.graph_edit import function_of, rename_functions
from rnnlite_pipeline.toolchain import load

_SUFFIX = "_softplus"

#: Where the two forms of rule 2 meet: their relative errors, 1.2e-7 / t and t^2 / 3, are equal.
_SMALL = 1 / 128

#: The output argument of each op, which a function's nodes name.
_RESULTS = {
    "Relu": "activations",
    "Const": "output",
    **dict.fromkeys(("AddV2", "Mul", "Less"), "z"),
    **dict.fromkeys(("Abs", "Neg", "Exp", "Log"), "y"),
}


def stable_softplus(function: Any) -> Any:
    """A frozen concrete function whose Softplus does not overflow; itself where it has none."""
    definition = function.graph.as_graph_def()
    found = _rewrite(definition.node)
    for each in definition.library.function:
        found += _rewrite(each.node_def, results=each.ret)
    if not found:
        return function
    rename_functions(definition, _SUFFIX, [f.signature.name for f in definition.library.function])
    return function_of(definition, like=function)


def _rewrite(nodes: Any, results: Any = None) -> int:
    """Rules 1 and 2 on every Softplus of a graph or function; returns how many there were.

    Args:
        nodes: The nodes; changed in place.
        results: What a function returns, by name; None of a graph. A function's nodes name their
            inputs "node:output:0".
    """
    found = [node for node in nodes if node.op == "Softplus"]
    for node in found:
        _Writer(nodes, node, results is not None).write()
    if results is not None and found:
        new = {f"{node.name}:activations:0": f"{node.name}:output:0" for node in found}
        for node in nodes:
            node.input[:] = [new.get(name, name) for name in node.input]
        for key, value in results.items():
            results[key] = new.get(value, value)
    return len(found)


class _Writer:
    """Writes the nodes that stand for one Softplus; the last of them takes its name."""

    def __init__(self, nodes: Any, node: Any, in_function: bool) -> None:
        self._nodes, self._node, self._in_function = nodes, node, in_function
        self._type = node.attr["T"].type

    def write(self) -> None:
        x, *controls = self._node.input
        t = self._add("Exp", self._add("Neg", self._add("Abs", x, *controls)))
        one, half = self._constant(1), self._constant(-0.5)
        large = self._add("Log", self._add("AddV2", t, one))
        small = self._add("Mul", t, self._add("AddV2", self._add("Mul", t, half), one))
        is_small = self._add("Less", t, self._constant(_SMALL))
        rest = self._add("Relu", x)
        self._node.op = "SelectV2"
        self._node.input[:] = [is_small, *(self._add("AddV2", rest, v) for v in (small, large))]

    def _add(self, op: str, *operands: str) -> str:
        node = self._new(op)
        node.input.extend(operands)
        node.attr["T"].type = self._type
        return self._output(node)

    def _constant(self, number: float) -> str:
        tensorflow = load("tensorflow")
        node = self._new("Const")
        value = np.array(number, tensorflow.as_dtype(self._type).as_numpy_dtype)
        node.attr["dtype"].type = self._type
        node.attr["value"].tensor.CopyFrom(tensorflow.make_tensor_proto(value))
        return self._output(node)

    def _new(self, op: str) -> Any:
        taken = {node.name for node in self._nodes}
        name, count = f"{self._node.name}/{op}", 0
        while name in taken:
            count += 1
            name = f"{self._node.name}/{op}_{count}"
        return self._nodes.add(name=name, op=op)

    def _output(self, node: Any) -> str:
        if not self._in_function:
            return str(node.name)
        return f"{node.name}:{_RESULTS[node.op]}:0"
