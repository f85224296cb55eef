"""The header of a TensorFlow 1 graph: the names of its nodes.

Sources: tensorflow/core/framework/graph.proto and node_def.proto, core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.headers.interface import Interface, WrongSource
from rnnlite_pipeline.config.headers.protobuf import messages, text
from rnnlite_pipeline.config.source import Source
from rnnlite_pipeline.errors import did_you_mean

#: Numbers of fields: GraphDef.node, NodeDef.name, MetaGraphDef.graph_def.
_NODE, _NAME, _GRAPH = 1, 1, 2

_AGAIN = "write the graph again, and copy the whole file"


def read(path: Path, source: Source) -> Interface | None:
    """Checks that the graph has the tensors that the config names; their shapes stay unknown.

    Raises:
        WrongSource: The file is damaged, or has no node of such a name.
    """
    if path.suffix in (".pbtxt", ".txt"):
        return None  # as text; the import reads it
    data = memoryview(path.read_bytes())
    try:
        graph = data if path.suffix != ".meta" else next(messages(data, _GRAPH), memoryview(b""))
        nodes = {text(node, _NAME) for node in messages(graph, _NODE)}
    except ValueError as error:
        said = f"{path} is damaged, or no TensorFlow graph ({error}); {_AGAIN}"
        raise WrongSource(said) from None
    if not nodes:
        raise WrongSource(f"{path} is an empty graph; {_AGAIN}")
    for loc, name in _named(source):
        owner = name.partition(":")[0]
        if owner not in nodes:
            message = f"the graph has no tensor `{name}`. {did_you_mean(owner, _few(owner, nodes))}"
            raise WrongSource(message.strip(), loc)
    return None


def _named(source: Source) -> Iterator[tuple[Loc, str]]:
    for name in source.inputs:
        yield ("source", "inputs", name), name
    for i, name in enumerate(source.outputs):
        yield ("source", "outputs", i), name
    for name in source.constants:
        yield ("source", "constants", name), name


def _few(owner: str, nodes: set[str]) -> list[str]:
    """The nodes that could be meant: of a large graph those with the same first letter."""
    return sorted(nodes) if len(nodes) <= 8 else [n for n in nodes if n[:1] == owner[:1]][:200]
