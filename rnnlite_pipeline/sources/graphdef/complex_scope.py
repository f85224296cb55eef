"""The nodes of a graph or of a function, as they are rewritten to pairs (complex_pairs.py).

What a node's input is called: in a graph "node" or "node:1", in a function "node:output:1" after
the op's own name for its output, or an argument's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.nodes import Nodes, set_array
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

#: Ops that hand their operands to a function, and give its results.
_FUNCTIONAL = frozenset(
    {"Case", "If", "PartitionedCall", "StatefulPartitionedCall", "While"}
    | {"StatelessCase", "StatelessIf", "StatelessWhile"}
)
_SHAPES = frozenset({"Rank", "Shape", "Size"})

#: Ops on lists: the place of an element's shape, of an element, and of one among the results.
_LISTS: dict[str, tuple[int | None, int | None, int | None]] = {
    "EmptyTensorList": (0, None, None),
    "TensorListReserve": (0, None, None),
    "TensorListFromTensor": (1, 0, None),
    "TensorListSetItem": (None, 2, None),
    "TensorListPushBack": (None, 1, None),
    "TensorListGetItem": (2, None, 0),
    "TensorListPopBack": (1, None, 1),
    "TensorListStack": (1, None, 0),
    "TensorListGather": (2, None, 0),
}


@dataclass(frozen=True)
class Names:
    """What a complex tensor has become.

    Attributes:
        real: The name of its real part; None where that is zero.
        imag: Likewise.
        dtype: That of the parts.
        whole: Its own name, where it is there as well (rules 4 and 5).
    """

    real: str | None
    imag: str | None
    dtype: Any
    whole: str | None = None

    def __iter__(self) -> Iterator[str | None]:
        return iter((self.real, self.imag))


class Scope(Nodes):
    """The nodes of the main graph or of a function, as they are rewritten to pairs."""

    def __init__(self, nodes: Any, graph: Any, body: Any = None, flat: Any = None) -> None:
        super().__init__(nodes, graph, body, flat)
        self._made: dict[str, Names | str] = {}
        self.is_changed = False

    # What is read of the graph --------------------------------------------------------------------

    def _is_complex(self, name: str) -> bool:
        return bool(self.tensor(name).dtype.is_complex)

    def is_complex(self, node: Any) -> bool:
        """Whether a node takes or gives complex numbers, or lists of them."""
        if node.op in _LISTS and _type(node, "element_dtype").is_complex:
            return True
        return any(map(self._is_complex, (*self.operands(node), *self.results(node))))

    def has_kernel(self, node: Any) -> bool:
        """Rule 4, of a transform."""
        if node.op not in ("RFFT", "RFFT2D"):
            return False
        x, lengths = map(self.tensor, self.operands(node))
        points = load("tensorflow").get_static_value(lengths)
        powers = points is not None and all(n > 1 and n & (n - 1) == 0 for n in points.tolist())
        return powers and x.dtype.name == "float32"

    def real(self, name: str) -> str:
        """What a real tensor is called now."""
        made = self._made.get(name.removesuffix(":0") if self._body is None else name, name)
        assert isinstance(made, str), f"{name} is complex"
        return made

    def _pair(self, name: str) -> Names:
        """What an operand has become; a real one has a real part alone."""
        dtype = self.tensor(name).dtype
        if not dtype.is_complex:
            return Names(self.real(name), None, dtype)
        made = self._made.get(name)
        if made is None:  # what the next turn of a loop of control flow v1 starts from
            made = Names(name, self._beside(name), dtype.real_dtype)
        assert isinstance(made, Names), f"{name} is real"
        return made

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
        if node.op in _LISTS:
            self._list(node)
        elif node.op in _FUNCTIONAL:
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

    def _become_real(self, node: Any, operands: Sequence[str]) -> None:
        node.input[:] = [*operands, *self._control]
        node.attr.pop("_output_shapes", None)
        for value in node.attr.values():
            kind = value.WhichOneof("value")
            if kind == "type":
                value.type = _real_type(value.type)
            elif kind == "list":
                value.list.type[:] = [_real_type(each) for each in value.list.type]

    def _set(self, name: str, real: str | None, imag: str | None, whole: str | None = None) -> None:
        self._made[name] = Names(real, imag, self.tensor(name).dtype.real_dtype, whole)

    def _part(self, pair: Names, part: int) -> str:
        """A part's name, zeros where it is zero."""
        name, other = [*pair][part], [*pair][1 - part]
        if name is not None:
            return str(name)
        assert other is not None, "a part of a pair is there"
        return self._new("zeros", "ZerosLike", [other], T=pair.dtype)

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

    def _finish(self, node: Any, name: str, real: str | None, imag: str | None) -> None:
        """Makes a node of one result the name of what it has become, for what waits for it."""
        first = real or imag or ""
        dtype = self.tensor(name).dtype
        own = self.becomes_identity(node, first, dtype.real_dtype)
        if not dtype.is_complex:
            self._made[name] = own
        else:
            self._set(name, own if real else None, imag if real else own)

    def _functional(self, node: Any) -> None:
        """Rule 3: both parts, one after the other, of operands and results."""
        given = []
        for name in self.operands(node):
            pair = self._pair(name)
            both = self._is_complex(name)
            given += [self._part(pair, k) for k in (0, 1)] if both else [self.real(name)]
        place, shapes = 0, node.attr["output_shapes"].list.shape
        old, new = list(shapes), []
        for k, name in enumerate(self.results(node)):
            first, second = (self._output(node.name, place + n) for n in (0, 1))
            both = self._is_complex(name)
            if both:
                self._set(name, first, second)
            else:
                self._made[name] = first
            new += old[k : k + 1] * (1 + both)
            place += 1 + both
        if old:
            del shapes[:]
            shapes.extend(new)
        else:
            node.attr.pop("output_shapes", None)
        for key in ("T", "Tin", "Tout"):
            if key in node.attr:
                types = node.attr[key].list.type
                types[:] = [t for each in types for t in _real_types(each)]
        for key in ("_output_shapes", "_read_only_resource_inputs"):
            node.attr.pop(key, None)
        node.input[:] = [*given, *self._control]

    def _list(self, node: Any) -> None:
        """Rule 3, of lists."""
        shape, element, result = _LISTS[node.op]
        names, results = self.operands(node), self.results(node)
        dtype = _type(node, "element_dtype").real_dtype
        given = [self.real(n) if not self._is_complex(n) else n for n in names]
        if shape is not None:
            given[shape] = self._with_parts(node, names[shape])
        if element is not None:
            pair = self._pair(names[element])
            parts = [self._part(pair, k) for k in (0, 1)]
            name = f"{node.name}/element"
            given[element] = self._new(name, "Pack", parts, T=dtype, N=2, axis=-1)
        self._become_real(node, given)
        if result is not None:
            name, own = f"{node.name}/apart", results[result]
            first = self._new(name, "Unpack", [own], T=dtype, num=2, axis=-1)
            owner = first.partition(":")[0]
            self._set(own, first, self._output(owner, 1))

    def _with_parts(self, node: Any, name: str) -> str:
        """An element's shape, followed by 2; that of any rank stays as it is."""
        shape = self.tensor(name)
        if shape.shape.rank != 1:
            return self.real(name)
        value = load("tensorflow").get_static_value(shape)
        kind = np.dtype(shape.dtype.as_numpy_dtype)
        near = None if self._body is not None else name
        title = self._free(f"{node.name}/shape")
        if value is not None:
            return self._array(title, np.append(value, 2).astype(kind), near)
        two = self._array(title, np.array([2], kind), near)
        axis = self._array(self._free(f"{node.name}/axis"), np.array(0, np.int32), near)
        operands = [self.real(name), two, axis]
        return self._new(
            f"{node.name}/shape", "ConcatV2", operands, N=2, T=shape.dtype, Tidx=np.dtype("int32")
        )

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

    def _arguments(self) -> None:
        """Arguments that are complex become two."""
        if self._body is None:
            return
        signature, attributes = self._body.signature, []
        arguments, new = list(signature.input_arg), []
        for k, arg in enumerate(arguments):
            kept = self._body.arg_attr.get(k)
            for made in self._split_argument(arg):
                new.append(made)
                attributes.append(kept)
        if len(new) == len(arguments):
            return
        self.is_changed = True
        kept_attributes = [None if a is None else a.SerializeToString() for a in attributes]
        del signature.input_arg[:]
        signature.input_arg.extend(new)
        self._body.arg_attr.clear()
        for k, text in enumerate(kept_attributes):
            if text is not None:
                self._body.arg_attr[k].ParseFromString(text)
        self._body.attr.pop("_input_shapes", None)

    def _split_argument(self, arg: Any) -> list[Any]:
        tf = load("tensorflow")
        if not tf.as_dtype(arg.type).is_complex:
            return [arg]
        both = []
        for name in (arg.name, f"{arg.name}_imaginary_part"):
            made = type(arg)()
            made.CopyFrom(arg)
            made.name, made.type = name, _real_type(arg.type)
            both.append(made)
        self._set(arg.name, *(each.name for each in both))
        return both

    def _returns(self) -> None:
        """Results that are complex become two."""
        if self._body is None:
            return
        signature, self._control = self._body.signature, []
        results, new = list(signature.output_arg), []
        for arg in results:
            name = self._body.ret[arg.name]
            if not load("tensorflow").as_dtype(arg.type).is_complex:
                self._body.ret[arg.name] = self.real(name)
                new.append(arg)
                continue
            pair = self._pair(name)
            own = [self._part(pair, k) for k in (0, 1)]
            for title, part in zip((arg.name, f"{arg.name}_imaginary_part"), own, strict=True):
                made = type(arg)()
                made.CopyFrom(arg)
                made.name, made.type = title, _real_type(arg.type)
                self._body.ret[title] = part
                new.append(made)
        if len(new) != len(results):
            self.is_changed = True
            del signature.output_arg[:]
            signature.output_arg.extend(new)


def _type(node: Any, key: str) -> Any:
    return load("tensorflow").as_dtype(node.attr[key].type)


def _real_type(value: int) -> int:
    return _real_types(value)[0]


def _real_types(value: int) -> list[int]:
    """The dtypes of what a tensor of a dtype becomes."""
    dtype = load("tensorflow").as_dtype(value)
    return [int(dtype.real_dtype.as_datatype_enum)] * (1 + dtype.is_complex)
