"""Keras 3 models as sources."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.keras_tracing import folded_time, layer_paths
from rnnlite_pipeline.sources.graphdef.precision import in_float32
from rnnlite_pipeline.sources.model import (
    Array,
    SourceModel,
    TensorSpec,
    check_dtypes,
    first_line,
    merge_shapes,
    pin,
    unique,
)
from rnnlite_pipeline.sources.repeated import repeated
from rnnlite_pipeline.sources.state import is_stateful
from rnnlite_pipeline.toolchain import load

Pins = Mapping[str, Sequence[int | None]]


def source_model(model: Any, pins: Pins) -> SourceModel:
    """A Keras model as a `SourceModel`.

    Args:
        model: A keras.Model; one that is not a graph of layers (Sequential without an Input, a
            subclass) needs `pins` for every input.
        pins: Dimensions by input name.

    Raises:
        SourceError: Its inputs are unknown, or a pin does not fit.
    """
    in_float32(model._flatten_layers(), _compute_in_float32)
    model = model if _graph(model) is not None else _as_graph(model, pins)
    graph = _graph(model)
    inputs = pin([_spec(t.name, t) for t in _leaves(graph._inputs_struct)], pins)
    results = _leaves(graph._outputs_struct)
    outputs = [_spec(*each) for each in zip(_output_names(graph), results, strict=True)]
    check_dtypes(inputs)
    function = _traced(model, inputs)
    outputs = [
        TensorSpec(s.name, t.dtype.name, merge_shapes(tuple(t.shape.as_list()), s.shape))
        for s, t in zip(outputs, function.outputs, strict=True)
    ]
    check_dtypes(outputs)
    return SourceModel(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        trace=lambda: function,
        run=_runner(model, function, inputs, outputs),
        layers=tuple(_layers(model, "")),
        versions={n: load(n).__version__ for n in ("keras", "tensorflow")},
        limits=_limits(model, inputs),
        keras_model=lambda: _pinned(model, inputs),
    )


def _compute_in_float32(layer: Any) -> None:
    layer.dtype_policy = "float32"


def _traced(model: Any, inputs: Sequence[TensorSpec]) -> Any:
    """A concrete function of the model in inference, from flat inputs to flat outputs."""
    tf = load("tensorflow")

    def call(*arrays: Any) -> list[Any]:
        with layer_paths(model), folded_time():
            return [tf.identity(t) for t in _call(model, arrays)]

    specs = [tf.TensorSpec(s.shape, s.dtype, name=f"input_{i}") for i, s in enumerate(inputs)]
    try:
        return tf.function(call, autograph=False).get_concrete_function(*specs)
    except Exception as error:  # whatever a layer raises on shapes the pins made impossible
        print(error, flush=True)
        raise SourceError(
            f'The model "{model.name}" cannot be called on its inputs: {first_line(error)}',
            "Call it in Keras on an input of that shape; check source.inputs.",
        ) from error


def _runner(
    model: Any, function: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    tf = load("tensorflow")
    call = functools.partial(_call, model)
    called = call if is_stateful(function.graph.as_graph_def()) else repeated(call)

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        results = called([tf.constant(arrays[spec.name], spec.dtype) for spec in inputs])
        return {s.name: np.asarray(r) for s, r in zip(outputs, results, strict=True)}

    return run


def _call(model: Any, arrays: Sequence[Any]) -> list[Any]:
    """Calls the model in inference; arguments and results stand in the source's order."""
    graph = _graph(model)
    fed = _filled(graph._inputs_struct, iter(arrays))
    return _leaves(model(fed, training=False), like=graph._outputs_struct)


def _pinned(model: Any, inputs: Sequence[TensorSpec]) -> Any:
    """The model called on inputs of these shapes, as its user would write it."""
    keras = load("keras")
    fed = [keras.Input(batch_shape=s.shape, dtype=s.dtype, name=s.name) for s in inputs]
    return keras.Model(fed, _call(model, fed), name=model.name)


# The interface ------------------------------------------------------------------------------------


def _graph(model: Any) -> Any:
    """The Functional graph of a model (Sequential keeps one inside), or None."""
    graph = getattr(model, "_functional", None) or model
    return graph if getattr(graph, "_inputs_struct", None) is not None else None


def _as_graph(model: Any, pins: Pins) -> Any:
    """A model without a declared input, called once on the inputs the config describes."""
    keras = load("keras")
    if not pins:
        raise SourceError(
            f'The model "{model.name}" does not say what its inputs are.',
            "Give the shape of each in the config, such as source.inputs: {x: [null, 8, 8]}, or "
            "build the model with keras.Input.",
        )
    inputs = {
        name: keras.Input(tuple(shape[1:]), batch_size=shape[0], name=name)
        for name, shape in pins.items()
    }
    try:
        if isinstance(model, keras.Sequential):
            return keras.Sequential([*inputs.values(), *model.layers], name=model.name)
        fed = inputs if len(inputs) > 1 else next(iter(inputs.values()))
        return keras.Model(fed, model(fed), name=model.name)
    except Exception as error:  # the user's own code
        print(error, flush=True)
        raise SourceError(
            f'The model "{model.name}" cannot be called on source.inputs: {first_line(error)}',
            "Give every input of the model, with the shape its layers expect.",
        ) from error


def _leaves(value: Any, like: Any = None) -> list[Any]:
    """The tensors of a nested structure in its author's order (dicts by insertion).

    Args:
        value: Dicts, lists and tuples of tensors.
        like: The structure whose order counts, where `value` may have lost it.
    """
    like = value if like is None else like
    if isinstance(like, Mapping):
        return [leaf for key in like for leaf in _leaves(value[key], like[key])]
    if isinstance(like, (list, tuple)):
        values = value if isinstance(value, (list, tuple)) else [value]
        return [leaf for v, k in zip(values, like, strict=True) for leaf in _leaves(v, k)]
    return [value]


def _filled(struct: Any, leaves: Iterator[Any]) -> Any:
    """The structure with its tensors replaced, in the order of `_leaves`."""
    if isinstance(struct, Mapping):
        return {key: _filled(struct[key], leaves) for key in struct}
    if isinstance(struct, (list, tuple)):
        return type(struct)([_filled(each, leaves) for each in struct])
    return next(leaves)


def _output_names(graph: Any) -> list[str]:
    """A dict's outputs by their keys, others by the layer that makes them; no name twice."""
    return unique(list(_names(graph._outputs_struct, "")))


def _names(struct: Any, key: str) -> Iterator[str]:
    if isinstance(struct, Mapping):
        for each in struct:
            yield from _names(struct[each], str(each))
    elif isinstance(struct, (list, tuple)):
        for each in struct:
            yield from _names(each, key)
    else:
        yield key or struct._keras_history.operation.name


def _spec(name: str, tensor: Any) -> TensorSpec:
    return TensorSpec(name, str(tensor.dtype), tuple(tensor.shape))


# What else the source tells -----------------------------------------------------------------------


def _layers(model: Any, path: str) -> Iterator[dict[str, Any]]:
    """Name (its path below the model), class and, where it has them, units of each layer."""
    entrance = load("keras").layers.InputLayer
    for layer in model._flatten_layers(include_self=False, recursive=False):
        if isinstance(layer, entrance):
            continue
        name = f"{path}{layer.name}"
        units = getattr(layer, "units", None)
        yield {"name": name, "class": type(layer).__name__} | ({"units": units} if units else {})
        yield from _layers(layer, f"{name}/")


def _limits(model: Any, inputs: Sequence[TensorSpec]) -> dict[str, range]:
    """For each input that holds indices, those there are.

    An input read by an Embedding has its input_dim; an integer input whose way to one cannot be
    followed, the smallest of the model.
    """
    embedding = load("keras").layers.Embedding
    smallest = min(
        (int(each.input_dim) for each in model._flatten_layers() if isinstance(each, embedding)),
        default=0,
    )
    limits = {}
    for spec, tensor in zip(inputs, _leaves(_graph(model)._inputs_struct), strict=True):
        limit = _limit(model, tensor, embedding)
        limit = limit or (smallest if "int" in spec.dtype else 0)
        if limit:
            limits[spec.name] = range(limit)
    return limits


def _limit(model: Any, tensor: Any, embedding: type) -> int:
    """The input_dim of the Embedding that reads an input, through nested models; 0 if none."""
    found = []
    for layer in _graph(model).layers:
        for node in layer._inbound_nodes:
            for position, given in enumerate(node.input_tensors):
                if given is not tensor:
                    continue
                inner = getattr(layer, "layer", layer)
                if isinstance(inner, embedding):
                    found.append(int(inner.input_dim))  # type: ignore[attr-defined]
                elif _graph(inner) is not None:
                    deeper = _leaves(_graph(inner)._inputs_struct)[position]
                    found.append(_limit(inner, deeper, embedding))
    return min(filter(None, found), default=0)
