"""The nodes of a graph or of a function, as they are rewritten to pairs (complex_pairs.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnnlite_pipeline.sources.graphdef.complex_carried import FUNCTIONAL, Carrying
from rnnlite_pipeline.sources.graphdef.complex_names import LISTS, Names
from rnnlite_pipeline.sources.graphdef.nodes import set_array
from rnnlite_pipeline.toolchain import load

#: Takes a pair for each operand, and gives a pair or a real tensor for each result.
Call = Callable[..., list[Any]]

#: Finds the call that computes an op.
Finder = Callable[["Scope", Any], Call | None]

#: Ops that do the same to each part: they move values, or add them.
_MOVES = """
BatchToSpaceND BroadcastTo Concat ConcatV2 EnsureShape ExpandDims Fill Gather GatherNd GatherV2
Identity MatrixBandPart MatrixDiag MatrixDiagPart MirrorPad Pack Pad PadV2 PreventGradient Reshape
ReverseSequence ReverseV2 Roll ScatterNd Select SelectV2 Slice Snapshot SpaceToBatchND Split SplitV
Squeeze StopGradient StridedSlice TensorScatterUpdate Tile Transpose Unpack ZerosLike
"""
_SUMS = "Add AddN AddV2 Cumsum Mean Neg Sub Sum TensorScatterAdd UnsortedSegmentSum"
_PARTWISE = frozenset([*_MOVES.split(), *_SUMS.split()])

#: Ops whose result always has both parts: those through which values go round a loop.
_CARRIERS = frozenset({"Enter", "Exit", "Merge", "NextIteration", "Switch", "RefSwitch"})

#: Products, by the attributes that conjugate their operands.
_PRODUCTS: dict[str, tuple[str, ...]] = {
    "Mul": (),
    "MatMul": (),
    "Einsum": (),
    "BatchMatMul": ("adj_x", "adj_y"),
    "BatchMatMulV2": ("adj_x", "adj_y"),
}

_SHAPES = frozenset({"Rank", "Shape", "Size"})


class Scope(Carrying):
    """The nodes of the main graph or of a function, as they are rewritten to pairs."""

    # What is read of the graph --------------------------------------------------------------------

    # The rules ------------------------------------------------------------------------------------

    def rewrite(self, find: Finder) -> None:
        """Rewrites every node, and a function's arguments and results."""
        self._arguments()
        for node in self._in_order():
            controls = [name for name in node.input if name.startswith("^")]
            if not self.is_complex(node):
                node.input[:] = [*map(self.real, self.operands(node)), *controls]
                continue
            self._control = controls
            self._rewrite(node, find)
        self._returns()

    def _rewrite(self, node: Any, find: Finder) -> None:
        before, was = node.SerializeToString(), node.op
        if node.op in LISTS:
            self._list(node)
        elif node.op in FUNCTIONAL:
            self._functional(node)
        elif node.op == "Const":
            self._constant(node)
        elif node.op in _CARRIERS or node.op in _PARTWISE:
            self._partwise(node, [self._pair(name) for name in self.operands(node)])
        elif node.op in ("Conj", "ConjugateTranspose"):
            self._conjugate(node)
        elif node.op in _PRODUCTS and len(self.operands(node)) == 2:
            self._product(node)
        elif node.op in _SHAPES:
            self._shape(node)
        elif node.op in ("Cast", "Complex", "Imag", "Real"):
            self._between(node)
        elif not self._reads_whole(node) and (call := find(self, node)) is not None:
            self._call(node, call)
        else:
            self._keep(node)
            return
        self.is_changed |= (was, before) != (node.op, node.SerializeToString())

    def _reads_whole(self, node: Any) -> bool:
        return node.op == "ComplexAbs" and self._pair(self.operands(node)[0]).whole is not None

    def _partwise(self, node: Any, pairs: Sequence[Names]) -> None:
        """Rule 2, of an op that does the same to each part."""
        operands, results = self.operands(node), self.results(node)
        numbers = [k for k, name in enumerate(operands) if self._is_complex(name)]
        always = node.op in _CARRIERS
        names: list[list[str]] = []
        there = [always or any([*pairs[k]][part] for k in numbers) for part in (0, 1)]
        for part in (0, 1):
            taken = [
                self._part(p, part) if k in numbers else p.real or "" for k, p in enumerate(pairs)
            ]
            names.append(taken if there[part] else [])
        copy = None
        if all(there):
            copy = self.nodes.add()
            copy.CopyFrom(node)
            copy.name = self._beside(node.name)
            self._taken.add(copy.name)
            self._become_real(copy, names[1])
        self._become_real(node, names[0] or names[1])
        for name in results:
            if not self._is_complex(name):
                continue
            imag = self._beside(name) if copy is not None else name if there[1] else None
            self._set(name, name if there[0] else None, imag)

    def _constant(self, node: Any) -> None:
        tf = load("tensorflow")
        value = tf.make_ndarray(node.attr["value"].tensor)
        parts = [value.real, value.imag]
        there = [parts[0].any() or not parts[1].any(), parts[1].any()]
        if all(there):
            imag = self._array(self._beside(node.name), parts[1])
        first = parts[0] if there[0] else parts[1]
        name = self.results(node)[0]
        set_array(node, first)
        second = imag if all(there) else name if there[1] else None
        self._set(name, name if there[0] else None, second)

    def _conjugate(self, node: Any) -> None:
        pair, result = self._pair(self.operands(node)[0]), self.results(node)[0]
        if node.op == "ConjugateTranspose":
            node.op = "Transpose"
            self._partwise(node, [self._pair(name) for name in self.operands(node)])
            moved = self._pair(result)
            self._set(result, moved.real, self._negative(node, moved.imag, pair.dtype))
            return
        self._finish(node, result, pair.real, self._negative(node, pair.imag, pair.dtype))

    def _negative(self, node: Any, name: str | None, dtype: Any) -> str | None:
        return None if name is None else self._new(f"{node.name}/negative", "Neg", [name], T=dtype)

    def _product(self, node: Any) -> None:
        """(a + bi) (c + di) = (ac - bd) + (ad + bc) i."""
        pairs = [self._pair(name) for name in self.operands(node)]
        dtype = self.tensor(self.results(node)[0]).dtype.real_dtype
        for k, key in enumerate(_PRODUCTS[node.op]):
            if node.attr[key].b:
                imag = self._negative(node, pairs[k].imag, dtype)
                pairs[k] = Names(pairs[k].real, imag, dtype)

        def times(left: str | None, right: str | None) -> str | None:
            if left is None or right is None:
                return None
            copy = self.nodes.add()
            copy.CopyFrom(node)
            copy.name = self._free(f"{node.name}/part")
            self._become_real(copy, [left, right])
            return self._first(copy)

        def joined(op: str, one: str | None, two: str | None) -> str | None:
            if one is None or two is None:
                there = two if one is None else one
                return self._negative(node, two, dtype) if there is two and op == "Sub" else there
            return self._new(f"{node.name}/{op}", op, [one, two], T=dtype)

        (a, b), (c, d) = pairs
        real = joined("Sub", times(a, c), times(b, d))
        imag = joined("AddV2", times(a, d), times(b, c))
        self._finish(node, self.results(node)[0], real, imag)

    def _shape(self, node: Any) -> None:
        pair = self._pair(self.operands(node)[0])
        self._become_real(node, [pair.real or pair.imag or ""])

    def _between(self, node: Any) -> None:
        """Complex, Real and Imag, and casts from and to complex numbers."""
        names, result = self.operands(node), self.results(node)[0]
        dtype = self.tensor(result).dtype
        if node.op == "Complex":
            self._finish(node, result, self.real(names[0]), self.real(names[1]))
            return
        pair = self._pair(names[0])
        if node.op == "Cast":
            parts = [*pair] if dtype.is_complex else [self._part(pair, 0), None]
            types = {"SrcT": pair.dtype, "DstT": dtype.real_dtype}
            cast = [p and self._new(f"{node.name}/cast", "Cast", [p], **types) for p in parts]
            self._finish(node, result, *cast)
            return
        if pair.whole is not None:
            node.input[:] = [pair.whole, *self._control]
            return
        self._finish(node, result, self._part(pair, int(node.op == "Imag")), None)

    def _call(self, node: Any, call: Call) -> None:
        """Rule 2, of a function."""
        tf = load("tensorflow")
        names = self.operands(node)
        pairs = [self._pair(name) for name in names]
        there = [[part is not None for part in pair] for pair in pairs]
        specs, given = [], []
        for name, pair in zip(names, pairs, strict=True):
            tensor = self.tensor(name)
            given += [part for part in pair if part is not None]
            one = tf.TensorSpec(tensor.shape, tensor.dtype.real_dtype)
            specs += [one for part in pair if part is not None]
        found: list[list[bool]] = []

        def compute(*parts: Any) -> list[Any]:
            left = iter(parts)
            taken = [tuple(next(left) if is_there else None for is_there in t) for t in there]
            results = [r if isinstance(r, tuple) else (r, None) for r in call(*taken)]
            found[:] = [[part is not None for part in pair] for pair in results]
            return [part for pair in results for part in pair if part is not None]

        traced = tf.function(compute, autograph=False).get_concrete_function(*specs)
        made = iter(self.placed(f"{node.name}/parts", traced, given))
        for name, (real, imag) in zip(self.results(node), found, strict=True):
            parts = [next(made) if is_there else None for is_there in (real, imag)]
            self._finish(node, name, *parts)

    def _keep(self, node: Any) -> None:
        """Rules 4 and 5."""
        given = []
        for name in self.operands(node):
            pair = self._pair(name)
            if not self._is_complex(name):
                given.append(self.real(name))
            elif pair.whole is not None:
                given.append(pair.whole)
            else:
                dtype, parts = self.tensor(name).dtype, [self._part(pair, k) for k in (0, 1)]
                types = {"T": dtype.real_dtype, "Tout": dtype}
                given.append(self._new(f"{node.name}/complex", "Complex", parts, **types))
        node.input[:] = [*given, *self._control]
        for name in self.results(node):
            if self._is_complex(name):
                dtype = self.tensor(name).dtype
                types = {"T": dtype, "Tout": dtype.real_dtype}
                parts = [
                    self._new(f"{node.name}/{op}", op, [name], **types) for op in ("Real", "Imag")
                ]
                self._set(name, parts[0], parts[1], name)

    # Functions ------------------------------------------------------------------------------------
