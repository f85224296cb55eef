"""JAX functions: `source.factory` returns a function and what it takes; or an exported file.

The bridge is JAX's own: jax.experimental.jax2tf lowers a function to StableHLO inside a TensorFlow
function, which TensorFlow's converter turns into TFLite ops; a lax.scan becomes a loop. JAX is an
optional extra: `pip install rnnlite[jax]`.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.jax_gathers import with_plain_gathers
from rnnlite_pipeline.sources.graphdef.functions import function_model
from rnnlite_pipeline.sources.graphdef.structure import named_leaves
from rnnlite_pipeline.sources.model import Array, SourceModel, TensorSpec, first_line, pin
from rnnlite_pipeline.sources.reference import built, importable
from rnnlite_pipeline.toolchain import load, prepare

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

_FORM = (
    "Return (function, {argument: shape}): a shape such as [None, 8, 8], float32, or anything "
    "with a shape and a dtype; None leaves a dimension open."
)


def open_source(config: Config) -> SourceModel:
    """The JAX function that the config's factory, or its file of jax.export, gives.

    Inputs have the names of the arguments; outputs the keys of the dict that is returned, or
    output_0, output_1, ...

    Raises:
        SourceError: JAX is not installed, there is no such function, or JAX cannot trace it.
    """
    prepare()
    if importlib.util.find_spec("jax") is None:
        raise SourceError(
            "source.format is jax, and JAX is not installed.",
            "Run `pip install rnnlite[jax]`.",
            ("source", "format"),
        )
    load("jax").config.update("jax_platforms", "cpu")
    with importable(config.folder):
        if config.source.factory is not None:
            function, inputs = _interface(built(config.source.factory, "a pair"), config)
        else:
            function, inputs = _exported(config.resolve(str(config.source.path)))
        return source_model(function, inputs, config.source.inputs)


def source_model(
    function: Callable[..., Any],
    inputs: Sequence[TensorSpec],
    pins: Mapping[str, Sequence[int | None]],
) -> SourceModel:
    """A JAX function of positional arrays as a `SourceModel`; the oracle is JAX itself.

    Raises:
        SourceError: JAX cannot trace it on inputs of these shapes, or a pin does not fit.
    """
    jax = load("jax")
    bridge = load("jax.experimental.jax2tf")
    inputs = pin(inputs, pins)
    names, shapes = _names_and_shapes(jax, function, inputs)

    def flat(*arrays: Any) -> list[Any]:
        """In the author's order: JAX itself sorts the keys of a dict."""
        return list(named_leaves(function(*arrays)).values())

    plain = with_plain_gathers(flat)
    converted = bridge.convert(plain, polymorphic_shapes=shapes, with_gradient=False)
    jitted = jax.jit(flat)
    source = function_model(lambda tensors: list(converted(*tensors)), inputs, names, pins)

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        values = jitted(*[arrays[s.name] for s in source.inputs])
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}

    return replace(source, run=run, versions={**source.versions, "jax": jax.__version__})


#: What each open axis of an input is called, from its place, its axes that are open, and an axis.
#: Axes of one name have one length in every input. JAX needs to know that they do, where it adds
#: or joins the inputs; so where a function cannot be traced one way, the next one is tried.
_Naming = Callable[[int, Sequence[int], int], str]

_NAMINGS: tuple[_Naming, ...] = (
    lambda place, _, axis: f"d{place}_{axis}" if axis else "b",
    lambda _, open_axes, axis: f"d{axis}" if axis != open_axes[0] else "b",
)


def _polymorphic(spec: TensorSpec, place: int, naming: _Naming) -> str:
    """A shape in JAX's words."""
    open_axes = [axis for axis, d in enumerate(spec.shape) if d is None]
    letters = [
        str(d) if d is not None else naming(place, open_axes, axis)
        for axis, d in enumerate(spec.shape)
    ]
    return f"({', '.join(letters)}{',' * (len(letters) == 1)})"


def _names_and_shapes(
    jax: Any, function: Callable[..., Any], inputs: Sequence[TensorSpec]
) -> tuple[list[str], list[str]]:
    """The names of what the function returns, and the shapes that it can be traced on.

    1. The first axis, the batch, has one length in every input, and each other open axis its own.
    2. Or the first open axis of each input is the batch, as in [time, batch, features] of a known
       time, and axes of one place have one length.
    """
    failures: list[Exception] = []
    for naming in _NAMINGS:
        shapes = [_polymorphic(s, place, naming) for place, s in enumerate(inputs)]
        try:
            return _output_names(jax, function, inputs, shapes), shapes
        except Exception as error:  # the user's own code  # noqa: BLE001
            failures.append(error)
    print(failures[0], flush=True)
    raise SourceError(
        f"JAX cannot trace the function: {first_line(failures[0])}",
        "Call it in JAX on inputs of the shapes that the factory gives; where an open "
        "dimension is in the way, close it with source.inputs.",
    ) from failures[0]


def _output_names(
    jax: Any, function: Callable[..., Any], inputs: Sequence[TensorSpec], shapes: Sequence[str]
) -> list[str]:
    scope = jax.export.SymbolicScope()
    arguments = [
        jax.ShapeDtypeStruct(jax.export.symbolic_shape(shape, scope=scope), np.dtype(s.dtype))
        for s, shape in zip(inputs, shapes, strict=True)
    ]
    names: list[str] = []
    jax.eval_shape(lambda *a: names.extend(named_leaves(function(*a))), *arguments)
    return names


def _interface(value: Any, config: Config) -> tuple[Callable[..., Any], list[TensorSpec]]:
    """The function and its inputs, of what the factory returned."""
    factory = config.source.factory
    if not (isinstance(value, tuple) and len(value) == 2 and callable(value[0])):
        raise SourceError(
            f"source.factory {factory} returned a {type(value).__name__}; expected a pair of a "
            "function and its inputs.",
            _FORM,
            ("source", "factory"),
        )
    function, inputs = value
    if not isinstance(inputs, Mapping):
        names = list(inspect.signature(function).parameters)
        inputs = dict(zip(names, inputs, strict=False))
    return function, [_spec(name, each, str(factory)) for name, each in inputs.items()]


def _spec(name: str, value: Any, factory: str) -> TensorSpec:
    try:
        shape = tuple(None if d is None else int(d) for d in getattr(value, "shape", value))
        return TensorSpec(name, np.dtype(getattr(value, "dtype", "float32")).name, shape)
    except (TypeError, ValueError) as error:
        raise SourceError(
            f'source.factory {factory} gives no shape for "{name}": {first_line(error)}', _FORM
        ) from error


def _exported(path: Path) -> tuple[Callable[..., Any], list[TensorSpec]]:
    """The function of a file that holds jax.export.export(...)(...).serialize()."""
    try:
        exported = load("jax.export").deserialize(bytearray(path.read_bytes()))
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}.", "Check source.path."
        ) from error
    except Exception as error:  # whatever a damaged file raises
        print(error, flush=True)
        raise SourceError(
            f"{path} is damaged, or no exported JAX function: {first_line(error)}",
            "Write it with jax.export.export(jax.jit(function))(...).serialize().",
        ) from error
    inputs = [
        TensorSpec(
            f"input_{i}",
            np.dtype(a.dtype).name,
            tuple(d if isinstance(d, int) else None for d in a.shape),
        )
        for i, a in enumerate(exported.in_avals)
    ]
    return exported.call, inputs
