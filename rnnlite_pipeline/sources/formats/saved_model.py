"""SavedModels: of Keras 3, tf-keras, a tf.Module, or TensorFlow 1 with its sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.sources.formats.graph_def import without_cudnn
from rnnlite_pipeline.sources.graphdef.functions import (
    Pins,
    function_model,
    in_order,
    pinned_shape,
    tensor_spec,
)
from rnnlite_pipeline.sources.graphdef.placeholders import Constants, constant_feeds
from rnnlite_pipeline.sources.graphdef.session import find_tensor, new_session, session_model
from rnnlite_pipeline.sources.model import SourceModel, did_you_mean, first_line, listed
from rnnlite_pipeline.toolchain import load

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

_DEFAULT = "serving_default"
_INITIALIZE = "__saved_model_init_op"
_SAVE = "Export the model again, and copy the whole folder: saved_model.pb and variables/."


def open_source(config: Config) -> SourceModel:
    """The signature of a SavedModel that the config names.

    Its inputs and outputs have the signature's names; a signature does not order them, so they
    stand in the order of their names, output_2 before output_10.

    Raises:
        SourceError: The folder is damaged, or has no such signature.
    """
    path = config.resolve(str(config.source.path))
    graphs = [g for g in _read(path).meta_graphs if "serve" in g.meta_info_def.tags]
    if not graphs:
        raise SourceError(f'{path} has no graph for serving (tag "serve").', _SAVE)
    asked = (config.source.signature, config.source.inputs, config.source.constants)
    if graphs[0].HasField("object_graph_def"):
        return _open_functions(path, *asked)
    return _open_session(path, graphs[0], *asked)


def _read(path: Path) -> Any:
    """The SavedModel's protocol buffer."""
    pb2 = load("tensorflow.core.protobuf.saved_model_pb2")
    load("tensorflow")
    text = load("google.protobuf.text_format")
    binary, readable = path / "saved_model.pb", path / "saved_model.pbtxt"
    try:
        if readable.is_file() and not binary.is_file():
            return text.Parse(readable.read_text(encoding="utf-8"), pb2.SavedModel())
        return pb2.SavedModel.FromString(binary.read_bytes())
    except OSError as error:
        raise SourceError(
            f"{path} is no SavedModel: {binary.name} cannot be read: {error.strerror}.",
            "source.path must be the folder that contains saved_model.pb.",
        ) from error
    except Exception as error:  # protobuf has several, in several versions
        raise SourceError(f"{binary} is damaged, or no SavedModel.", _SAVE) from error


def _chosen(wanted: str | None, there: Sequence[str], path: Path) -> str:
    """The signature to convert: the one asked for, else the default, else the only one."""
    remedy = f"It has {listed(there)}: set source.signature to one of them."
    if not there:
        raise SourceError(
            f"{path} has no signature.",
            "Export it with one: tf.saved_model.save(model, path, signatures=model.call), or use "
            "format concrete_function.",
        )
    if wanted is not None:
        if wanted not in there:
            hint = did_you_mean(wanted, there)
            key = ("source", "signature")
            raise SourceError(f'{path} has no signature "{wanted}".{hint}', remedy, key)
        return wanted
    if _DEFAULT in there:
        return _DEFAULT
    if len(there) > 1:
        message = f"{path} has several signatures, none called {_DEFAULT}."
        raise SourceError(message, remedy, ("source", "signature"))
    return there[0]


def _not_loaded(path: Path, error: Exception) -> SourceError:
    print(error, flush=True)
    return SourceError(
        f"TensorFlow cannot load {path}: {first_line(error)}",
        "Check that tf.saved_model.load loads it; custom ops must be part of TensorFlow. " + _SAVE,
    )


# TensorFlow 2 -------------------------------------------------------------------------------------


def _open_functions(
    path: Path, wanted: str | None, pins: Pins, constants: Constants
) -> SourceModel:
    try:
        loaded = load("tensorflow").saved_model.load(str(path), tags=None)
    except Exception as error:  # whatever a damaged folder raises
        raise _not_loaded(path, error) from error
    function = loaded.signatures[_chosen(wanted, sorted(loaded.signatures), path)]
    specs = function.structured_input_signature[1]
    for name in constants:
        if name not in specs:
            raise SourceError(
                f'source.constants names "{name}", which the signature does not take.'
                f"{did_you_mean(name, specs)}",
                f"Its inputs are {listed(in_order(list(specs)))}.",
                ("source", "constants", name),
            )
    fixed = constant_feeds({n: specs[n] for n in constants}, constants)
    always = {n: load("tensorflow").constant(fixed[specs[n]]) for n in constants}
    inputs = [
        tensor_spec(n, specs[n].dtype, pinned_shape(specs[n].shape, n, pins))
        for n in in_order(list(specs))
        if n not in constants
    ]
    outputs = in_order(list(function.structured_outputs))

    def call(tensors: Sequence[Any], model: Any = loaded) -> list[Any]:
        """`model` is held: it owns the variables."""
        del model
        fed = always | {s.name: t for s, t in zip(inputs, tensors, strict=True)}
        results: Mapping[str, Any] = function(**fed)
        return [results[name] for name in outputs]

    return function_model(call, inputs, outputs, pins)


# TensorFlow 1 -------------------------------------------------------------------------------------


def _open_session(
    path: Path, graph: Any, wanted: str | None, pins: Pins, constants: Constants
) -> SourceModel:
    there = sorted(set(graph.signature_def) - {_INITIALIZE})
    signature = graph.signature_def[_chosen(wanted, there, path)]
    session = new_session()
    try:
        tags = list(graph.meta_info_def.tags)
        loader = load("tensorflow.python.saved_model.loader_impl").SavedModelLoader(str(path))
        without_cudnn(loader.get_meta_graph_def_from_tags(tags))
        with session.graph.as_default():
            loader.load(session, tags)
    except RnnliteError:
        raise
    except Exception as error:  # whatever a damaged folder raises
        raise _not_loaded(path, error) from error
    inputs, outputs = (
        {n: _tensor(session.graph, infos[n], n) for n in in_order(list(infos))}
        for infos in (signature.inputs, signature.outputs)
    )
    tensors = {
        n: inputs.pop(n) if n in inputs else find_tensor(session.graph, n, f"source.constants.{n}")
        for n in constants
    }
    return session_model(session, inputs, outputs, pins, constant_feeds(tensors, constants))


def _tensor(graph: Any, info: Any, name: str) -> Any:
    if not info.name:
        raise SourceError(
            f'"{name}" of the signature is a sparse or composite tensor; expected a plain one.',
            "Move the conversion to it into the model.",
        )
    return graph.get_tensor_by_name(info.name)
