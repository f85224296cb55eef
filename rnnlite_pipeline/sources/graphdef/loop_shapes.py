"""The shapes inside loops of control flow v1, which an imported graph does not know.

TensorFlow infers shapes op by op. It knows none behind Enter, by which a value goes into a loop,
nor behind Merge, which also reads what the loop's last op makes.
"""

from __future__ import annotations

from typing import Any

from rnnlite_pipeline.toolchain import load


def with_loop_shapes(graph: Any, definition: Any) -> Any:
    """A graph of the same tensors, for their dtypes and shapes alone; `graph` where it has no loop.

    1. A state is taken to have the shape that it starts with.
    2. Where a turn gives it another one, that is not so: its shape stays unknown, and all shapes
       are inferred anew.
    """
    tf = load("tensorflow")
    turns = _turns(definition)
    while turns:
        opened = type(definition)()
        opened.CopyFrom(definition)
        for node in opened.node:
            if node.name in turns:
                node.op = "Identity"
                node.input[:] = [each for each in node.input if each != turns[node.name]]
                node.attr.pop("N", None)
            elif node.op == "Enter":
                node.op = "Identity"
                for key in ("frame_name", "is_constant", "parallel_iterations"):
                    node.attr.pop(key, None)
        with tf.Graph().as_default() as found:
            tf.graph_util.import_graph_def(opened, name="")
        wrong = [
            name
            for name, turn in turns.items()
            if not _same(_shape(found, turn), _shape(found, name))
        ]
        if not wrong:
            return found
        for name in wrong:
            del turns[name]
    return graph


def _turns(definition: Any) -> dict[str, str]:
    """What each Merge reads of the turn before; one that tells which input came is left out."""
    ends = {node.name for node in definition.node if node.op == "NextIteration"}
    told = {
        name.partition(":")[0] for node in definition.node for name in node.input if ":1" in name
    }
    return {
        node.name: name
        for node in definition.node
        if node.op == "Merge" and node.name not in told
        for name in node.input
        if name in ends
    }


def _shape(graph: Any, name: str) -> Any:
    return graph.get_tensor_by_name(f"{name}:0").shape


def _same(turn: Any, start: Any) -> bool:
    """Whether a turn gives nothing but what the state is taken to be."""
    return bool(start.rank is None or (turn.rank is not None and turn.as_list() == start.as_list()))
