"""Functions: `source.factory` returns a tf.function or a concrete function."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.functions import (
    Pins,
    function_model,
    pinned_shape,
    tensor_spec,
)
from rnnlite_pipeline.sources.graphdef.structure import named_leaves
from rnnlite_pipeline.sources.model import SourceModel, first_line, listed
from rnnlite_pipeline.sources.reference import built, importable
from rnnlite_pipeline.toolchain import load, prepare

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def open_source(config: Config) -> SourceModel:
    """The function that the config's factory returns.

    Its inputs have the names of its arguments; its outputs the keys of the dict it returns, or
    output_0, output_1, ..., as a SavedModel would name them.

    Raises:
        SourceError: It is no TensorFlow function, cannot be traced, or its arguments are not
            tensors.
    """
    factory, pins = str(config.source.factory), config.source.inputs
    # The user's module comes before TensorFlow, so that it can set TF_USE_LEGACY_KERAS.
    prepare()
    with importable(config.folder):
        return source_model(built(factory, "a tf.function"), factory, pins)


def source_model(function: Any, factory: str, pins: Pins) -> SourceModel:
    """A tf.function or concrete function as a `SourceModel`.

    Raises:
        SourceError: As `open_source`.
    """
    concrete = _concrete(function, factory, pins)
    arguments = [t for t in concrete.inputs if not _is_captured(t, concrete)]
    inputs = [
        tensor_spec(n, t.dtype, pinned_shape(t.shape, n, pins))
        for n, t in zip(_argument_names(concrete, arguments), arguments, strict=True)
    ]
    outputs = list(named_leaves(concrete.structured_outputs))
    if not outputs:
        raise SourceError(f"{factory}: the function returns no tensor.", "Return its outputs.")

    def call(tensors: Sequence[Any], keep: Any = function) -> list[Any]:
        """`keep`: the function may own the variables."""
        del keep
        structure = load("tensorflow").nest.pack_sequence_as(
            concrete.structured_input_signature, list(tensors), expand_composites=True
        )
        args, kwargs = structure
        return list(named_leaves(concrete(*args, **kwargs)).values())

    return function_model(call, inputs, outputs, pins)


def _concrete(function: Any, factory: str, pins: Pins) -> Any:
    """The concrete function, traced where there is none yet."""
    tf = load("tensorflow")
    if isinstance(function, tf.types.experimental.ConcreteFunction):
        return function
    if not isinstance(function, tf.types.experimental.GenericFunction):
        raise SourceError(
            f"source.factory {factory} returned a {type(function).__name__}; expected a "
            "tf.function or a concrete function.",
            "Decorate what it returns with @tf.function(input_signature=[...]).",
            ("source", "factory"),
        )
    try:
        if function.input_signature is not None:
            return function.get_concrete_function()
        names = list(inspect.signature(function.python_function).parameters)
        if not pins or not set(pins) <= set(names):
            raise SourceError(
                f"The function of {factory} has no input_signature, and its arguments are "
                f"{listed(names)}.",
                "Give it one, or pin the shape of each argument, all float32: "
                "source.inputs: {x: [null, 8, 8]}.",
            )
        return function.get_concrete_function(
            **{n: tf.TensorSpec(pins[n], tf.float32, name=n) for n in names if n in pins}
        )
    except (SourceError, MemoryError):
        raise
    except Exception as error:  # the user's own code
        print(error, flush=True)
        raise SourceError(
            f"The function of {factory} cannot be traced: {first_line(error)}",
            "Call its get_concrete_function in Python until it returns. Where it says that a "
            "variable or an object was deleted: keep the module that owns them in a global of "
            "the factory's module.",
        ) from error


def _is_captured(tensor: Any, concrete: Any) -> bool:
    return any(tensor is inner for _, inner in concrete.graph.captures)


def _argument_names(concrete: Any, arguments: Sequence[Any]) -> list[str]:
    """The names of its tensors: the argument's, or that of a TensorSpec inside a structure."""
    tf = load("tensorflow")
    args, kwargs = concrete.structured_input_signature
    specs = tf.nest.flatten((args, kwargs), expand_composites=True)
    if len(specs) != len(arguments) or not all(isinstance(s, tf.TensorSpec) for s in specs):
        raise SourceError(
            "An argument of the function is neither a tensor nor made of tensors.",
            "Bind it in the function, or give it a default in the function that is returned.",
        )
    return [t.op.name for t in arguments]
