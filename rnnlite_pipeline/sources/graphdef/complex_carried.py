"""Complex tensors that are handed on: to functions, loops and branches, and through lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlite_pipeline.sources.graphdef.complex_names import (
    LISTS,
    Pairs,
    real_type,
    real_types,
    type_of,
)
from rnnlite_pipeline.toolchain import load

#: Ops that hand their operands to a function, and give its results.
FUNCTIONAL = frozenset(
    {"Case", "If", "PartitionedCall", "StatefulPartitionedCall", "While"}
    | {"StatelessCase", "StatelessIf", "StatelessWhile"}
)


class Carrying(Pairs):
    """The nodes that hand on what they are given."""

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
                types[:] = [t for each in types for t in real_types(each)]
        for key in ("_output_shapes", "_read_only_resource_inputs"):
            node.attr.pop(key, None)
        node.input[:] = [*given, *self._control]

    def _list(self, node: Any) -> None:
        """Rule 3, of lists."""
        shape, element, result = LISTS[node.op]
        names, results = self.operands(node), self.results(node)
        dtype = type_of(node, "element_dtype").real_dtype
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
            made.name, made.type = name, real_type(arg.type)
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
                made.name, made.type = title, real_type(arg.type)
                self._body.ret[title] = part
                new.append(made)
        if len(new) != len(results):
            self.is_changed = True
            del signature.output_arg[:]
            signature.output_arg.extend(new)
