"""TensorFlow 1 graphs: frozen (.pb, .pbtxt), or with their variables in a checkpoint (.meta)."""

from __future__ import annotations

from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlite_pipeline.errors import RnnliteError, SourceError
from rnnlite_pipeline.sources.cell_ops import rid_of_cudnn
from rnnlite_pipeline.sources.graphdef.placeholders import constant_feeds
from rnnlite_pipeline.sources.graphdef.session import find_tensor, new_session, session_model
from rnnlite_pipeline.sources.model import SourceModel, first_line
from rnnlite_pipeline.toolchain import load

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config


def open_source(config: Config) -> SourceModel:
    """The part of a graph between `source.inputs` and `source.outputs`.

    The inputs and outputs keep the names and the order that the config gives them.

    Raises:
        SourceError: The file cannot be read, or has no tensor of such a name.
    """
    source = config.source
    path = config.resolve(str(source.path))
    session = open_session(path)
    inputs = {n: find_tensor(session.graph, n, f"source.inputs.{n}") for n in source.inputs}
    outputs = {n: find_tensor(session.graph, n, "source.outputs") for n in source.outputs}
    tensors = {n: find_tensor(session.graph, n, f"source.constants.{n}") for n in source.constants}
    fixed = constant_feeds(tensors, source.constants)
    return session_model(session, inputs, outputs, source.inputs, fixed)


def open_session(path: Path) -> Any:
    """A session on a frozen graph, or on a .meta graph with its variables.

    Raises:
        SourceError: The file cannot be read, or has no checkpoint beside it.
    """
    return _restored(path) if path.suffix == ".meta" else _imported(path)


def _imported(path: Path) -> Any:
    """A session on a frozen graph."""
    tf = load("tensorflow")
    definition = _read(path)
    session = new_session()
    try:
        with session.graph.as_default():
            tf.graph_util.import_graph_def(definition, name="")
    except Exception as error:  # whatever a damaged graph raises
        raise _not_imported(path, error) from error
    if rid_of_cudnn(definition):
        session = new_session()
        with session.graph.as_default():
            tf.graph_util.import_graph_def(definition, name="")
    variables = [o for o in session.graph.get_operations() if o.type in _VARIABLES]
    if variables:
        raise SourceError(
            f'{path} is not frozen: it has variables, such as "{variables[0].name}".',
            "Freeze it, or name the .meta file of its checkpoint as source.path.",
        )
    return session


_VARIABLES = ("Variable", "VariableV2", "VarHandleOp")


def _read(path: Path) -> Any:
    """A GraphDef, binary or as text."""
    definition = load("tensorflow").compat.v1.GraphDef()
    try:
        content = path.read_bytes()
        if path.suffix in (".pbtxt", ".txt"):
            load("google.protobuf.text_format").Parse(content, definition)
        else:
            definition.ParseFromString(content)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror or error}.", "Check source.path."
        ) from error
    except Exception as error:  # protobuf has several, in several versions
        raise SourceError(
            f"{path} is damaged, or no GraphDef.",
            "Expected a frozen graph as .pb or .pbtxt, or the .meta file of a checkpoint. A folder "
            "with a saved_model.pb is of format saved_model.",
        ) from error
    if not definition.node:
        raise SourceError(f"{path} is an empty graph.", "Freeze the graph again.")
    return definition


def _restored(path: Path) -> Any:
    """A session on a graph with the variables of the checkpoint beside it."""
    v1 = load("tensorflow").compat.v1
    checkpoint = path.with_suffix("")
    if not v1.train.checkpoint_exists(str(checkpoint)):  # of version 2, or 1: one file, or shards
        raise SourceError(
            f"{path} has no checkpoint beside it: there is no {checkpoint.name}.index, nor a file "
            f"{checkpoint.name} of version 1.",
            "Copy all files of the checkpoint: .meta, .index and .data-*.",
        )
    _check_shards(checkpoint)
    session = new_session()
    try:
        meta = load("tensorflow.python.framework.meta_graph").read_meta_graph_file(str(path))
        without_cudnn(meta)
        with session.graph.as_default():
            saver = v1.train.import_meta_graph(meta, clear_devices=True)
            saver.restore(session, str(checkpoint))
    except RnnliteError:
        raise
    except Exception as error:  # whatever a damaged graph or checkpoint raises
        raise _not_imported(path, error) from error
    return session


def _check_shards(checkpoint: Path) -> None:
    """Refuses a checkpoint of version 2 without the values that its .index lists.

    Raises:
        SourceError: One of its .data files is not there.
    """
    if not checkpoint.with_name(f"{checkpoint.name}.index").exists():
        return
    shards = sorted(checkpoint.parent.glob(f"{escape(checkpoint.name)}.data-*-of-*"))
    count = int(shards[0].name.rpartition("-of-")[2]) if shards else 0
    if not shards or len(shards) < count:
        found = f"{len(shards)} of {count}" if shards else "none"
        raise SourceError(
            f"The values of {checkpoint} are not all beside it: of its files .data-* there is "
            f"{found}.",
            "Copy all files of the checkpoint: .meta, .index and .data-*.",
        )


def without_cudnn(meta: Any) -> None:
    """Rids a MetaGraphDef of cuDNN's ops, in place, before any session sees them.

    Of its collections those stay that name ops which are still there, such as what fills tables;
    the others describe variables by ops that are left out, and nothing here reads them.
    """
    if not rid_of_cudnn(meta.graph_def):
        return
    there = {node.name for node in meta.graph_def.node}
    for key, named in list(meta.collection_def.items()):
        names = {each.partition(":")[0] for each in named.node_list.value}
        if not names or not names <= there:
            del meta.collection_def[key]


def _not_imported(path: Path, error: Exception) -> SourceError:
    print(error, flush=True)
    return SourceError(
        f"TensorFlow cannot import {path}: {first_line(error)}",
        "Write it with a released TensorFlow, without custom ops, and copy the whole file.",
    )
