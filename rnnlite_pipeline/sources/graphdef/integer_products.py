"""Products of integer matrices, as a quantized Keras model has them: TFLite has no op for them.

Keras' `model.quantize("int8")` multiplies int8 by int8 into int32, BatchMatMulV3. TFLite multiplies
integers only together with their scales, which stand in the tensors and not in the graph. In
float32 the same sums are exact: every integer up to 2^24 is a float32.

Rules:
    1. A product of integers of at most 16 bits into int32 becomes a product in float32 of its
       operands cast, and its result is cast back.
    2. The largest sum is bounded by the constant operand if there is one, else by the dtypes and
       the number of terms; where it can pass 2^24, or is not known, the log says so: sums are then
       rounded to 24 bits.
    3. Functions and bodies of loops too. A function that changes gets a new name: TensorFlow keeps
       every function it has seen, and refuses another one of the same name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.graph_edit import function_of, rename_functions
from rnnlite_pipeline.toolchain import load

#: Integers are exact in float32 up to here.
EXACT = 2**24

_SUFFIX = "_in_floats"


def integer_products_in_floats(function: Any) -> Any:
    """A frozen concrete function without products of integers; itself where it has none."""
    definition = function.graph.as_graph_def()
    scopes = [_Scope(definition.node, in_function=False)]
    scopes += [_Scope(f.node_def, in_function=True, ret=f.ret) for f in definition.library.function]
    if not sum(scope.rewrite() for scope in scopes):
        return function
    rename_functions(definition, _SUFFIX, [f.signature.name for f in definition.library.function])
    return function_of(definition, like=function)


class _Scope:
    """The nodes of a graph or of a function.

    Args:
        nodes: Its nodes; changed in place.
        in_function: Whether inputs are named "node:output:0", as functions do it.
        ret: A function's results by name, which are inputs as well.
    """

    def __init__(self, nodes: Any, *, in_function: bool, ret: Any = None) -> None:
        self.nodes, self.in_function, self.ret = nodes, in_function, ret
        self.dtypes = load("tensorflow").dtypes

    def rewrite(self) -> int:
        """Rule 1 on every product; returns how many there were."""
        products = [node for node in self.nodes if self._is_product(node)]
        for node in products:
            self._say_bound(node)
            self._rewrite(node)
        if self.in_function and products:
            self._read_casts({node.name for node in products})
        return len(products)

    def _is_product(self, node: Any) -> bool:
        if node.op != "BatchMatMulV3" or self._type(node, "Tout") != self.dtypes.int32:
            return False
        types = [self._type(node, key) for key in ("Ta", "Tb")]
        return all(t.is_integer and t.size <= 2 for t in types)

    def _type(self, node: Any, key: str) -> Any:
        return self.dtypes.as_dtype(node.attr[key].type)

    def _rewrite(self, node: Any) -> None:
        controls = [name for name in node.input if name.startswith("^")]
        casts = [
            self._cast(f"{node.name}/{key}", operand, self._type(node, key))
            for key, operand in zip(("Ta", "Tb"), node.input[:2], strict=True)
        ]
        product = self.nodes.add(name=f"{node.name}/product", op="BatchMatMulV2")
        product.input.extend([*casts, *controls])
        product.attr["T"].type = self.dtypes.float32.as_datatype_enum
        # All of them: one left out is added later, and then there are two functions of one name.
        for key in ("adj_x", "adj_y", "grad_x", "grad_y"):
            product.attr[key].b = node.attr[key].b
        node.op = "Cast"
        node.input[:] = [self._output(product.name, "output")]
        node.attr.clear()
        self._set_cast(node, self.dtypes.float32, self.dtypes.int32)

    def _cast(self, name: str, operand: str, dtype: Any) -> str:
        node = self.nodes.add(name=name, op="Cast")
        node.input.append(operand)
        self._set_cast(node, dtype, self.dtypes.float32)
        return self._output(name, "y")

    def _set_cast(self, node: Any, source: Any, target: Any) -> None:
        node.attr["SrcT"].type = source.as_datatype_enum
        node.attr["DstT"].type = target.as_datatype_enum
        node.attr["Truncate"].b = False

    def _output(self, name: str, argument: str) -> str:
        return f"{name}:{argument}:0" if self.in_function else name

    def _read_casts(self, products: set[str]) -> None:
        """What read a product's output reads that of the cast in its place."""
        new = {f"{name}:output:0": f"{name}:y:0" for name in products}
        for node in self.nodes:
            node.input[:] = [new.get(name, name) for name in node.input]
        for key, value in self.ret.items():
            self.ret[key] = new.get(value, value)

    def _say_bound(self, node: Any) -> None:
        """Rule 2."""
        bound = self._bound(node)
        if bound is None or bound > EXACT:
            told = "are not bounded" if bound is None else f"can be {bound:,}"
            print(
                f"{node.name}: its sums of integers {told}; above {EXACT:,} they are rounded.",
                flush=True,
            )

    def _bound(self, node: Any) -> int | None:
        """The largest absolute sum that the product can have; None where it is not known."""
        for constant, other, adjoint, axis in ((1, 0, "adj_y", -2), (0, 1, "adj_x", -1)):
            values = self._constant(node.input[constant])
            if values is not None and values.ndim >= 2:
                summed = -3 - axis if node.attr[adjoint].b else axis
                limit = self._largest(self._type(node, ("Ta", "Tb")[other]))
                return int(np.abs(values.astype(np.int64)).sum(axis=summed).max(initial=0)) * limit
        return None

    def _largest(self, dtype: Any) -> int:
        return max(int(dtype.max), -int(dtype.min))

    def _constant(self, name: str) -> Any:
        """The value of a constant, behind any Identity; None for anything else."""
        nodes = {node.name: node for node in self.nodes}
        node = nodes.get(name.partition(":")[0])
        while node is not None and node.op == "Identity":
            node = nodes.get(node.input[0].partition(":")[0])
        if node is None or node.op != "Const":
            return None
        return load("tensorflow").make_ndarray(node.attr["value"].tensor)
