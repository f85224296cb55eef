"""Which ops of a model the default delegate takes, and which copies cross the border of a part.

The default delegate (XNNPACK) takes the ops that it knows, in parts. Which ones these are is
asked of the interpreter: it is opened on each subgraph, and tells what its delegate reads and
puts out.

A copy that joins the inside of a part with its outside can go wrong without an error
(docs/traps.md, "Memory"). These ops copy, inside the delegate (LiteRT
tflite/delegates/xnnpack/xnnpack_delegate.cc; XNNPACK src/subgraph/copy.c, concatenate.c,
even-split.c):

1. CONCATENATION: each operand to the output.
2. SPLIT: the operand to each output.
3. RESHAPE: the operand to the output.
4. FULLY_CONNECTED without `keep_num_dims`: its operand to a matrix that stands inside.
5. READ_VARIABLE and ASSIGN_VARIABLE: the variable, which stands outside, to or from a tensor.

Constants are no matter: they stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from rnnlite_pipeline.graph.edit import producers, tensors
from rnnlite_pipeline.graph.extract import of_graph
from rnnlite_pipeline.graph.ir import Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import outline, write_model
from rnnlite_pipeline.runtimes.interpreter import delegations

#: The ops that copy inside the delegate.
COPIES = frozenset(
    {"ASSIGN_VARIABLE", "CONCATENATION", "FULLY_CONNECTED", "READ_VARIABLE", "RESHAPE", "SPLIT"}
)

#: What a copy reads or writes: a tensor, or None for memory that is inside, or outside, by itself.
INSIDE, OUTSIDE = "inside", "outside"

End = Tensor | str


@dataclass(frozen=True, eq=False)
class DelegatedPart:
    """Ops of a subgraph that the delegate runs as one.

    Attributes:
        ops: In execution order.
        outside: The tensors that it reads or puts out: they stand in the interpreter's memory.
            All others that its ops touch stand in the delegate's, but for constants.
    """

    ops: tuple[Op, ...]
    outside: frozenset[Tensor]

    def crosses(self, op: Op) -> bool:
        """Whether a copy by one of the part's ops joins its inside with its outside."""
        return any(self._is_outside(a) != self._is_outside(b) for a, b in copies(op))

    def _is_outside(self, end: End) -> bool:
        return end == OUTSIDE if isinstance(end, str) else end in self.outside


def copies(op: Op) -> Iterator[tuple[End, End]]:
    """What the delegate copies for an op: from where, and to where."""
    if op.code == "FULLY_CONNECTED" and not op.options["keep_num_dims"]:
        pairs: list[tuple[Tensor | None, End]] = [(op.inputs[0], INSIDE)]
    elif op.code == "CONCATENATION":
        pairs = [(t, op.outputs[0]) for t in op.inputs]
    elif op.code == "SPLIT":
        pairs = [(op.inputs[1], t) for t in op.outputs]
    elif op.code == "RESHAPE":
        pairs = [(op.inputs[0], op.outputs[0])]
    elif op.code == "READ_VARIABLE":
        pairs = [(op.outputs[0], OUTSIDE)]
    elif op.code == "ASSIGN_VARIABLE":
        pairs = [(op.inputs[1], OUTSIDE)]
    else:
        pairs = []
    return ((a, b) for a, b in pairs if a is not None and a.data is None)


def may_cross(subgraph: Subgraph) -> bool:
    """Whether a subgraph has an op that copies, if the delegate takes it."""
    return any(op.code in COPIES and any(copies(op)) for op in subgraph.ops)


def delegated_parts(subgraph: Subgraph) -> list[DelegatedPart]:
    """The parts of a subgraph that the default delegate runs.

    Raises:
        StageError: The interpreter cannot load the subgraph.
    """
    index = list(tensors(subgraph))
    made = producers(subgraph)
    found = []
    for reads, puts_out in _delegations(subgraph):
        inputs, outputs = ([index[i] for i in side] for side in (reads, puts_out))
        ops = _between(subgraph, made, inputs, outputs)
        found.append(DelegatedPart(tuple(ops), frozenset([*inputs, *outputs])))
    return found


def _delegations(subgraph: Subgraph) -> list[tuple[list[int], list[int]]]:
    """What `delegations` tells of a subgraph, asked once for each structure.

    The delegate decides by ops, options, types, shapes, and constants such as axes and sizes. That
    a matrix is a constant counts, and not what it holds, so the key leaves the large ones out.
    """
    model = of_graph(subgraph)
    key = hashlib.sha256(outline(model)).digest()
    if key not in _ASKED:
        _ASKED[key] = delegations(write_model(model))
    return _ASKED[key]


#: What was asked, in this process, by the digest of the outline.
_ASKED: dict[bytes, list[tuple[list[int], list[int]]]] = {}


def _between(
    subgraph: Subgraph, made: dict[Tensor, Op], inputs: list[Tensor], outputs: list[Tensor]
) -> list[Op]:
    """The ops that make the outputs from the inputs."""
    needed: set[Op] = set()
    stack = list(outputs)
    while stack:
        op = made.get(stack.pop())
        if op is not None and op not in needed:
            needed.add(op)
            stack += [t for t in op.inputs if t is not None and t not in inputs]
    return [op for op in subgraph.ops if op in needed]
