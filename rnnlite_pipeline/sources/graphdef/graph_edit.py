"""What changes of a GraphDef have in common, as they are made between freezing and conversion."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

from rnnlite_pipeline.toolchain import load


def nodes_of(graph_def: Any) -> Iterator[Any]:
    """Every node, those of functions too."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def rename_functions(graph_def: Any, suffix: str, names: Container[str]) -> None:
    """Appends `suffix` to functions of these names, where they are defined and called.

    TensorFlow keeps every function it has seen, and refuses another one of the same name.
    """
    for node in nodes_of(graph_def):
        if node.op in names:  # a call of TensorFlow 1 is an op of the function's name
            node.op += suffix
        for attribute in node.attr.values():
            functions = [attribute.func] if attribute.WhichOneof("value") == "func" else []
            for function in (*functions, *attribute.list.func):
                if function.name in names:
                    function.name += suffix
    for function in graph_def.library.function:
        if function.signature.name in names:
            function.signature.name += suffix


def function_of(graph_def: Any, like: Any, outputs: Sequence[str] | None = None) -> Any:
    """A concrete function of a GraphDef, with the inputs and outputs of another one.

    Args:
        graph_def: The graph.
        like: The other function.
        outputs: The names of its outputs, where they are others than in `like`.
    """
    wrap = load("tensorflow.python.eager.wrap_function")
    inputs, own = ([t.name for t in tensors] for tensors in (like.inputs, like.outputs))
    names = own if outputs is None else [n if ":" in n else f"{n}:0" for n in outputs]
    function = wrap.function_from_graph_def(graph_def, inputs, names)
    for new, old in zip(function.inputs, like.inputs, strict=True):
        new.set_shape(old.shape)
    return function


def rewritten(
    graph_def: Any,
    like: Any,
    suffix: str,
    own: Container[str],
    outputs: Sequence[str] | None = None,
) -> Any:
    """A concrete function of a GraphDef that was changed; the process's registry stays as it is.

    Args:
        graph_def: The graph.
        like: The function as it was.
        suffix: What its functions are called besides, from now on.
        own: The names of the functions that the graph had before it was changed.
        outputs: As of `function_of`.
    """
    rename_functions(graph_def, suffix, own)
    function = function_of(graph_def, like, outputs)
    forget_functions(graph_def.library.function)
    return function


def forget_functions(functions: Any) -> None:
    """Takes a graph's functions out of the process's registry; the graph has them itself.

    Another graph may have left others of the same names there, and the converter registers them
    anew with bodies that it has simplified; TensorFlow refuses both.
    """
    context = load("tensorflow.python.eager.context").context()
    for name in [each.signature.name for each in functions]:
        while context.has_function(name):
            context.remove_function(name)
