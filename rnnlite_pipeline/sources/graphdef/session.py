"""TensorFlow 1 graphs as sources: a session that holds the variables, and tensors by name.

The session is the oracle, on the graph as it was written. What is converted is the part between
the inputs and the outputs, its variables frozen by TensorFlow 1's own tool, which knows the
reference variables and the loops of that time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.graphdef.functions import (
    Pins,
    closed_by_pins,
    pinned_shape,
    tensor_spec,
    versions,
)
from rnnlite_pipeline.sources.graphdef.gathers import gathers_in_loops
from rnnlite_pipeline.sources.graphdef.graph_edit import forget_functions
from rnnlite_pipeline.sources.graphdef.lifting import Assigned, handle_of, lift
from rnnlite_pipeline.sources.graphdef.placeholders import (
    check_placeholders,
    stand_in,
    with_constants,
)
from rnnlite_pipeline.sources.model import (
    Array,
    SourceModel,
    TensorSpec,
    check_dtypes,
    did_you_mean,
    listed,
    pin,
)
from rnnlite_pipeline.sources.state import refuse_state
from rnnlite_pipeline.toolchain import load

Run = Callable[[Mapping[str, Array]], dict[str, Array]]

#: Ops that make a variable: a resource, or a reference.
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


def new_session() -> Any:
    """A session on a new graph, which it runs as it is.

    TensorFlow would rewrite the graph before the first call: of 1,000 steps written out that takes
    15 s, and a call without it 0.05 s.
    """
    v1 = load("tensorflow").compat.v1
    settings = v1.ConfigProto()
    settings.graph_options.rewrite_options.disable_meta_optimizer = True
    return v1.Session(graph=v1.Graph(), config=settings)


#: Sizes of open dimensions. A batch may have to be so many traces of so many steps.
SIZES = ((2, 3), (12, 24), (240, 480))


def session_model(
    session: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    pins: Pins,
    constants: Mapping[Any, Array] | None = None,
) -> SourceModel:
    """A session's graph between inputs and outputs as a `SourceModel`.

    Args:
        session: A tf.compat.v1.Session with its variables restored.
        inputs: Tensors of its graph by input name; need not be placeholders.
        outputs: Likewise.
        pins: Dimensions by input name.
        constants: The value of each tensor of the graph that is no input (`constant_feeds`).

    Raises:
        SourceError: An input's rank is unknown, a pin does not fit, or the outputs depend on a
            placeholder that is neither an input nor a constant.
        NotConvertible: The outputs depend on a variable being assigned.
    """
    specs = [tensor_spec(n, t.dtype, pinned_shape(t.shape, n, pins)) for n, t in inputs.items()]
    specs = pin(specs, pins)
    check_dtypes(specs)
    fixed = dict(constants or {})
    definition, assigned, places = _frozen(session, inputs, outputs, fixed)
    function, states = lift(_function(definition, specs, inputs, places, outputs), assigned)
    feeds = [[_zeros(specs, inputs, fixed, size) for size in sizes] for sizes in SIZES]
    results = [
        tensor_spec(n, t.dtype, _known(session, feeds, t, now.shape))
        for (n, t), now in zip(outputs.items(), function.outputs, strict=False)
    ]
    check_dtypes(results)

    def run(arrays: Mapping[str, Array]) -> dict[str, Array]:
        fed = fixed | {tensor: arrays[name] for name, tensor in inputs.items()}
        values = session.run(list(outputs.values()), fed)
        return {name: np.asarray(v) for name, v in zip(outputs, values, strict=True)}

    if pins and not assigned:
        results = list(closed_by_pins(results, specs, run))
    return SourceModel(
        tuple(specs),
        tuple(results),
        lambda: function,
        _from_the_start(session, run, assigned) if assigned else run,
        versions=versions(),
        states=tuple((state.name, state.initial) for state in states),
        resume=run if states else None,
    )


def find_tensor(graph: Any, name: str, key: str) -> Any:
    """The tensor of a graph that a config names, with or without its ":0".

    Raises:
        SourceError: There is none of that name.
    """
    owner, _, port = name.partition(":")
    try:
        return graph.get_tensor_by_name(f"{owner}:{port or 0}")
    except (KeyError, ValueError) as error:
        ops = [op.name for op in graph.get_operations() if op.outputs]
        shown = [op.name for op in graph.get_operations() if op.type == "Placeholder"]
        hint = did_you_mean(owner, ops) if owner not in ops else f' "{owner}" has fewer outputs.'
        raise SourceError(
            f'{key} names "{name}", which is no tensor of the graph.{hint}',
            f"Its placeholders are {listed(shown[:8]) or 'none'}; every op's name is that of its "
            "first output.",
            tuple(key.split(".", 2)),
        ) from error


def _known(
    session: Any,
    feeds: Sequence[Sequence[Mapping[Any, Array]]],
    output: Any,
    traced: Any,
) -> Any:
    """An output's shape: what a loop of control flow v1 carries is traced without its rank.

    It is then seen by running the graph on inputs of two sizes: what differs is open. Where the
    graph does not run on these, it is what the graph's author wrote, if it is still there.
    """
    if traced.rank is not None:
        return traced
    for pair in feeds:
        try:
            one, two = (session.run(output, feed).shape for feed in pair)
        except Exception as error:  # noqa: BLE001  # whatever zeros of such sizes raise
            print(error, flush=True)
            continue
        if len(one) == len(two):
            return load("tensorflow").TensorShape(
                [a if a == b else None for a, b in zip(one, two, strict=True)]
            )
    return output.shape


def _zeros(
    specs: Sequence[TensorSpec], inputs: Mapping[str, Any], fixed: Mapping[Any, Array], size: int
) -> dict[Any, Array]:
    """Zeros for the inputs, open dimensions of one size; the constants as they are."""
    arrays = {
        inputs[s.name]: np.zeros([size if d is None else d for d in s.shape], s.dtype)
        for s in specs
    }
    return {**fixed, **arrays}


def _frozen(
    session: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    fixed: Mapping[Any, Array],
) -> tuple[Any, dict[str, Assigned], list[str]]:
    """The graph between inputs and outputs, its variables constants but for those it assigns.

    Returns:
        The graph, the variables that it assigns, and the name of the node of each input.
    """
    v1 = load("tensorflow").compat.v1
    names = list(dict.fromkeys(t.op.name for t in outputs.values()))
    definition = session.graph.as_graph_def()
    places = [_cut_at(definition, tensor) for tensor in inputs.values()]
    with_constants(definition, fixed)
    cut = v1.graph_util.extract_sub_graph(definition, names)
    check_placeholders(cut, places)
    assigned = _states(session, cut)
    try:
        with v1.Graph().as_default(), gathers_in_loops():
            frozen = v1.graph_util.convert_variables_to_constants(
                session, cut, names, variable_names_blacklist=list(assigned)
            )
    except v1.errors.FailedPreconditionError as error:
        raise _without_value(error) from error
    return frozen, assigned, places


def _without_value(error: Exception) -> SourceError:
    """A variable that the graph has and its checkpoint has not."""
    found = re.search(r"uninitialized value (\S+)", str(error))
    named = f'the variable "{found[1]}"' if found else "a variable"
    return SourceError(
        f"The checkpoint holds no value of {named}, which the outputs depend on.",
        "Save the model again, by a tf.train.Saver that is made after all variables.",
    )


def _cut_at(definition: Any, tensor: Any) -> str:
    """Leaves out what computes an input, in place; the name of the placeholder that it is then."""
    node = stand_in(definition, tensor)
    if node.op != "Placeholder":
        node.op = "Placeholder"
        del node.input[:]
        node.attr.clear()
        node.attr["dtype"].type = tensor.dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(tensor.shape.as_proto())
    return str(node.name)


def _function(
    definition: Any,
    specs: Sequence[TensorSpec],
    inputs: Mapping[str, Any],
    places: Sequence[str],
    outputs: Mapping[str, Any],
) -> Any:
    """A concrete function of a frozen graph, from `inputs`, at these nodes, to `outputs`."""
    tf = load("tensorflow")
    present = {node.name for node in definition.node}
    names = [t.name for t in inputs.values()]

    def call(*tensors: Any) -> list[Any]:
        fed = dict(zip(names, tensors, strict=True))
        wanted = [t.name for t in outputs.values()]
        results = iter(
            tf.graph_util.import_graph_def(
                definition,
                input_map={n: t for n, t in zip(places, tensors, strict=True) if n in present},
                return_elements=[n for n in wanted if n not in fed],
                name="",
            )
        )
        return [tf.identity(fed[n] if n in fed else next(results)) for n in wanted]

    signature = [
        tf.TensorSpec(s.shape, s.dtype, name=f"rnnlite_input_{i}") for i, s in enumerate(specs)
    ]
    forget_functions(definition.library.function)
    function = tf.compat.v1.wrap_function(call, signature)
    forget_functions(definition.library.function)
    return function


# Variables that the graph assigns -----------------------------------------------------------------


def _states(session: Any, definition: Any) -> dict[str, Assigned]:
    """By the name of its op, each variable that an op of a GraphDef assigns, with its value.

    Raises:
        NotConvertible: A variable is assigned in a loop or a branch.
    """
    nodes = {node.name: node for node in definition.node}
    found = {
        node.name: handle_of(node, nodes)
        for node in definition.node
        if node.op.startswith("Assign")
    }
    found = {op: name for op, name in found.items() if nodes[name].op in _VARIABLES}
    refuse_state(definition, found)
    return {
        name: Assigned(name, name, np.asarray(session.run(_reading(session, name))))
        for name in dict.fromkeys(found.values())
    }


def _from_the_start(session: Any, run: Run, states: Mapping[str, Assigned]) -> Run:
    """`run`, after the variables were given their first values."""
    v1, writes = load("tensorflow").compat.v1, []
    with session.graph.as_default():
        for name, state in states.items():
            value, variable = v1.constant(state.initial), _variable(session, name)
            resource = variable.op.type == "VarHandleOp"
            raw = load("tensorflow").raw_ops
            writes.append(
                raw.AssignVariableOp(resource=variable, value=value)
                if resource
                else raw.Assign(ref=variable, value=value)
            )

    def started(arrays: Mapping[str, Array]) -> dict[str, Array]:
        session.run(writes)
        return run(arrays)

    return started


def _variable(session: Any, name: str) -> Any:
    return session.graph.get_tensor_by_name(f"{name}:0")


def _reading(session: Any, name: str) -> Any:
    variable = _variable(session, name)
    if variable.op.type != "VarHandleOp":
        return variable
    with session.graph.as_default():
        dtype = variable.op.get_attr("dtype")
        return load("tensorflow").raw_ops.ReadVariableOp(resource=variable, dtype=dtype)
