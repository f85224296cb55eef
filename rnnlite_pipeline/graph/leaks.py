"""States that leak: variables of fused ops that the file's graph never writes.

TensorFlow's converter makes a fused op of a Keras layer and forgets that a call starts from zeros
(facts: the state of one invoke() goes into the next). In a file nothing tells that from a state
that is meant to stay, so the config decides:

1. reset, the default: an op writes zeros before the fused op, at every call.
2. persist, explicit: the state becomes an input and an output of the graph, as the states of
   variables are (graph/variables.py). An op writes the input into the variable.
3. What the op leaves is read by a SELECT_V2 both of whose branches are the variable. Its condition
   is computed from the op's output, so that no scheduler reads the variable before the op has run;
   a CONCATENATION, as the lowering has it, takes one type alone, and integer LSTMs have states of
   two.
"""

from __future__ import annotations

import numpy as np

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder, version_of
from rnnlite_pipeline.graph.fused_ops import layer_names, leaking
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.variables import State, add


def stop_leaks(model: Model) -> list[str]:
    """Rule 1, in every graph that a call runs; returns the names of the layers that leaked."""
    found = []
    for subgraph in _called(model):
        names = layer_names(subgraph)
        for op, place, variable in leaking(subgraph):
            build = Builder(f"{names[op]}/{place.name}")
            shape = _shape(variable, names[op])
            zero = build.constant("zero", np.full((), _zero(variable), NUMPY[variable.dtype]))
            zero.quantization = variable.quantization  # fill.cc, Prepare: that of the output
            filled = build.fill(build.indices(shape, "shape"), zero, shape)
            _write(subgraph, op, build, filled, variable)
            found.append(names[op])
    return list(dict.fromkeys(found))


def lift_leaks(model: Model, asked: str) -> list[State]:
    """Rules 2 and 3, in the main graph.

    Args:
        model: Changed in place.
        asked: persist or explicit.

    Raises:
        NotConvertible: An op runs in both directions.
    """
    main, found = model.main, []
    names = layer_names(main)
    for op, place, variable in leaking(main):
        if op.code.startswith("BIDIRECTIONAL"):
            raise NotConvertible(
                f'recurrent.state: {asked}, and "{names[op]}" has a backward half: its first '
                "step needs the end of the sequence, so that it cannot go on from call to call.",
                "Set recurrent.state to reset.",
                ("recurrent", "state"),
            )
        state = State(
            f"{names[op]}/{place.name}", np.zeros(_shape(variable, names[op]), np.float32)
        )
        build = Builder(state.name)
        before = Tensor(
            state.input, variable.dtype, variable.shape, quantization=variable.quantization
        )
        dims = build.indices(_shape(variable, names[op]), "shape")
        written = build.op("BROADCAST_TO", [before, dims], variable.dtype, variable.shape)
        _write(main, op, build, written, variable)
        after = _read(main, op, state, variable)
        add(model, state, before, after)
        found.append(state)
    return found


def _write(subgraph: Subgraph, op: Op, build: Builder, value: Tensor, variable: Tensor) -> None:
    """Puts new ops before the fused op; the last one, which makes `value`, writes `variable`."""
    writer = build.ops[-1]
    writer.outputs = [variable if t is value else t for t in writer.outputs]
    writer.version = max(writer.version, version_of(writer.code, variable.dtype))
    place = subgraph.ops.index(op)
    subgraph.ops[place:place] = build.ops


def _read(subgraph: Subgraph, op: Op, state: State, variable: Tensor) -> Tensor:
    """Rule 3."""
    build, out = Builder(state.name), op.outputs[0]
    rank = len(out.shape or ())
    first = build.op(
        "SLICE",
        [out, build.indices([0] * rank), build.indices([1] * rank, "size")],
        out.dtype,
        [1] * rank,
    )
    first.quantization = out.quantization
    one = build.reshape(first, [1] * len(variable.shape or ()))
    one.quantization = out.quantization
    condition = build.binary("EQUAL", one, one)
    build.ops[-1].version = version_of("EQUAL", out.dtype)
    read = build.op(
        "SELECT_V2", [condition, variable, variable], variable.dtype, variable.shape, "after"
    )
    read.quantization = variable.quantization
    place = subgraph.ops.index(op) + 1
    subgraph.ops[place:place] = build.ops
    return read


def _called(model: Model) -> list[Subgraph]:
    """The main graph and those that signatures name."""
    return list(dict.fromkeys([model.main, *(s.subgraph for s in model.signatures)]))


def _shape(variable: Tensor, name: str) -> tuple[int, ...]:
    """A variable's shape; it is closed, or the interpreter could not have kept it."""
    if variable.shape is None or OPEN in variable.shape:
        raise NotConvertible(
            f'The state of "{name}" has no fixed shape, and no op of the file writes it.',
            "Convert the model that the file was made from.",
        )
    return variable.shape


def _zero(variable: Tensor) -> int:
    """How a variable stores 0."""
    quantization = variable.quantization
    return quantization.zero_point[0] if quantization and quantization.zero_point else 0
