"""Annotated functions: calls that a converter takes at their word instead of reading their body.

A tf.function says what it implements by `experimental_implements`, or by `api_implements` among
its `experimental_attributes`. Where a converter is at hand (composites/registry.py):

    1. The function is not inlined when variables are frozen, so that its operands stay together;
       variables among them become constants first, which TensorFlow's converter needs.
    2. Each call becomes one custom op with the annotation's name and attributes.
    3. The function is run in TensorFlow, on the weights of the call and on inputs drawn at
       random; the results travel with the model, and the conversion is held to them.

A function nobody converts is inlined, and read with everything else.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flatbuffers import flexbuffers

from rnnlite_pipeline.composites.record import (
    Sample,
    composite,
    draws,
    nudged,
    write_samples,
)
from rnnlite_pipeline.composites.registry import converter_of
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.edit import prune
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.sources.graphdef.annotated_body import Body
from rnnlite_pipeline.sources.graphdef.graph_edit import function_of, nodes_of, rename_functions
from rnnlite_pipeline.sources.model import first_line, unique

CALLS = ("PartitionedCall", "StatefulPartitionedCall")

#: What the names of changed functions end in: TensorFlow keeps every function it has seen, and
#: refuses another one of the same name.
_APART, _NUMBERED = "_apart", "_numbered"

#: The attribute that keeps an annotated function's name while it is renamed.
_MARK = "_rnnlite_annotated"


@dataclass(frozen=True)
class Annotation:
    """What a function says it implements."""

    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class _Call:
    """A call of an annotated function: the function's frozen name, and the layer it stands in."""

    function: str
    layer: str
    annotation: Annotation


class Annotations:
    """The annotated functions that one concrete function calls, and its way past the converter.

    Args:
        function: The concrete function, as the source traced it.

    Raises:
        NotConvertible: Two installed packages claim one annotation.
    """

    def __init__(self, function: Any) -> None:
        graph = function.graph.as_graph_def()
        called = {n.attr["f"].func.name for n in nodes_of(graph) if n.op in CALLS}
        found = {f.signature.name: f for f in graph.library.function if f.signature.name in called}
        self._by_function = {k: a for k, f in found.items() if (a := _annotation(f))}
        self._calls: list[_Call] = []
        self._library: Any = None

    def __bool__(self) -> bool:
        return bool(self._by_function)

    @contextlib.contextmanager
    def kept_apart(self, function: Any) -> Iterator[None]:
        """While open, TensorFlow's freezing does not inline the annotated functions. Rule 1."""
        graph = function.graph

        def as_graph_def(*arguments: Any, **keywords: Any) -> Any:
            graph_def = type(graph).as_graph_def(graph, *arguments, **keywords)
            self._keep_apart(graph_def)
            return graph_def

        # The freezing takes the graph from this method alone, and inlines at once.
        graph.as_graph_def = as_graph_def
        try:
            yield
        finally:
            del graph.as_graph_def

    def numbered(self, frozen: Any) -> Any:
        """The frozen function, each annotated call told apart in a way the converter keeps."""
        if not self:
            return frozen
        graph_def = frozen.graph.as_graph_def()
        self._library = copy.deepcopy(graph_def.library)
        annotated = {f.signature.name: f for f in graph_def.library.function if _MARK in f.attr}
        self._number_calls(graph_def, {k: f.attr[_MARK].s.decode() for k, f in annotated.items()})
        for name, function in annotated.items():
            function.attr["_implements"].func.name = name
            function.attr["_implements"].func.attr["tfl_fusable_op"].b = True
        rename_functions(
            graph_def, _NUMBERED, [f.signature.name for f in graph_def.library.function]
        )
        return function_of(graph_def, like=frozen)

    def _number_calls(self, graph_def: Any, names: Mapping[str, str]) -> None:
        """Numbers the calls; `names` are the functions', by the names freezing gave them."""
        functions, layers = list[str](), list[str]()
        for node in nodes_of(graph_def):
            function = node.attr["f"].func.name if node.op in CALLS else ""
            if function in names:
                node.op = "PartitionedCall"  # it has no variables any more
                node.attr["config"].s = str(len(functions)).encode()
                functions.append(function)
                layers.append(_layer(node.name) or self._by_function[names[function]].name)
        self._calls = [
            _Call(function, layer, self._by_function[names[function]])
            for function, layer in zip(functions, unique(layers), strict=True)
        ]

    def placed(self, model: Model) -> None:
        """Rules 2 and 3, on what the converter made of the calls.

        Raises:
            NotConvertible: A function cannot be run alone.
        """
        samples: dict[int, Sequence[Sample]] = {}
        for subgraph in model.subgraphs:
            for place, op in enumerate(subgraph.ops):
                number = _number(op)
                if number is not None:
                    samples[number] = self._sampled(self._calls[number], op)
                    subgraph.ops[place] = self._composite(number, op)
        if samples:
            write_samples(model, samples)
            _drop_functions(model, {call.function for call in self._calls})

    def _keep_apart(self, graph_def: Any) -> None:
        for function in graph_def.library.function:
            if function.signature.name in self._by_function:
                for key in ("_implements", "api_implements"):
                    function.attr.pop(key, None)
                function.attr["_noinline"].b = True
                function.attr["_nospecialize"].b = True
                function.attr[_MARK].s = function.signature.name.encode()
        rename_functions(graph_def, _APART, self._by_function)

    def _composite(self, number: int, op: Op) -> Op:
        call = self._calls[number]
        annotation = call.annotation
        return composite(op, number, call.layer, annotation.name, annotation.attributes)

    def _sampled(self, call: _Call, op: Op) -> list[Sample]:
        """What the function computes, for each draw that it accepts."""
        run = Body(call.function, self._library, op)
        samples, refusal = [], "no operands fit it"
        for values in draws(run.operands):
            try:
                results, moved = run(values), run(nudged(values))
            except Exception as error:  # noqa: BLE001  # operands that contradict each other
                refusal = first_line(error)
                continue
            samples.append(Sample(tuple(values), results, moved))
        if not samples:
            raise NotConvertible(
                f'The function annotated "{call.annotation.name}" cannot be run '
                f"to check what its annotation says: {refusal}.",
                "Give its arguments shapes of which only one dimension, the batch, is open.",
            )
        _close(op.outputs, samples)
        return samples


def _annotation(function: Any) -> Annotation | None:
    """What a FunctionDef says it implements, if a converter takes it at its word."""
    attributes = {k: _value(v) for k, v in function.attr.items() if not k.startswith("_")}
    name = attributes.pop("api_implements", "")
    named = function.attr.get("_implements")
    if named is not None and named.WhichOneof("value") == "func":
        name = named.func.name
        attributes |= {k: _value(v) for k, v in named.func.attr.items() if k != "tfl_fusable_op"}
    elif named is not None:
        name = named.s.decode()
    converter = converter_of(name)
    if converter is None:
        return None
    signature = function.signature
    if not converter.fits(len(signature.input_arg), len(signature.output_arg)):
        print(
            f"{name}: {len(signature.input_arg)} operands and {len(signature.output_arg)} results"
            f" are not the interface that {converter.package} converts; its body is read instead.",
            flush=True,
        )
        return None
    return Annotation(name, attributes)


def _value(attribute: Any) -> Any:
    """An AttrValue as a JSON value; None for a kind that says nothing to a converter."""
    kind = attribute.WhichOneof("value")
    if kind == "s":
        return attribute.s.decode(errors="replace")
    if kind == "list":
        values = [v for _, each in attribute.list.ListFields() for v in each]
        return [v.decode(errors="replace") if isinstance(v, bytes) else v for v in values]
    return getattr(attribute, kind) if kind in ("b", "i", "f") else None


def _layer(node: str) -> str:
    """The scope of a call: the layer that its author wrote."""
    parts = node.split("/")[:-1]
    return "/".join(p for p in parts if not re.match(r"(Stateful)?PartitionedCall(_\d+)?$", p))


def _number(op: Op) -> int | None:
    """Which annotated call an op of the converter is."""
    if op.code != "PartitionedCall" or not op.custom_options:
        return None
    config = flexbuffers.GetRoot(op.custom_options).AsMap["config"].AsString
    return int(config) if config else None


def _close(results: Sequence[Tensor], samples: Sequence[Sample]) -> None:
    """Closes each open dimension that had one length in every sample."""
    for k, tensor in enumerate(results):
        shapes = [sample.results[k].shape for sample in samples]
        lengths = [set(dimension) for dimension in zip(*shapes, strict=True)]
        known = tensor.shape or (OPEN,) * len(shapes[0])
        if len(samples) > 1:
            tensor.shape = tuple(
                next(iter(seen)) if old == OPEN and len(seen) == 1 else old
                for old, seen in zip(known, lengths, strict=True)
            )


def _drop_functions(model: Model, names: set[str]) -> None:
    """Removes the subgraphs of the functions: their calls do not need them any more."""

    def is_body(subgraph: Subgraph) -> bool:
        return any(op.custom and op.code in names for op in subgraph.ops)

    model.subgraphs = [s for s in model.subgraphs if s is model.main or not is_body(s)]
    prune(model)
