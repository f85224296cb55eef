"""Variables that a model assigns: its states. They become arguments and results of its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.sources.graphdef.lifting import Assigned, is_assigned, lift
from rnnlite_pipeline.sources.model import Array, SourceModel, unique
from rnnlite_pipeline.sources.state import is_stateful
from rnnlite_pipeline.toolchain import load


def with_states(source: SourceModel) -> SourceModel:
    """The source with its assigned variables as states; itself where it has none.

    Its function then takes the states behind its inputs and gives them behind its outputs; `run`
    starts from their first values, `resume` from where the call before ended.

    Raises:
        NotConvertible: `lift` refuses one.
    """
    if source.content is not None:
        return source
    function = source.trace()
    if not is_stateful(function.graph.as_graph_def()):
        return source
    pure, states = lifted(function)
    if not states:
        return replace(source, trace=lambda: pure)
    return replace(
        source,
        trace=lambda: pure,
        states=tuple((state.name, state.initial) for state in states),
        run=_from_the_start(source.run, states),
        resume=source.run,
    )


def lifted(function: Any) -> tuple[Any, tuple[Assigned, ...]]:
    """A concrete function without assignments, and the states that are its last arguments.

    Raises:
        NotConvertible: As `lift`, or the shape of one is open.
    """
    frozen = load("tensorflow.python.framework.convert_to_constants")
    captures = {inner.op.name: outer for outer, inner in function.graph.captures}
    inlined = frozen._run_inline_graph_optimization(function, False, False)
    handles = [name for name in captures if is_assigned(inlined, name)]
    if not handles:
        return function, ()
    data = frozen._FunctionConverterDataInEager(
        function, False, False, variable_names_denylist=set(handles)
    )
    graph_def, converted = frozen._replace_variables_by_constants(data)
    partial = frozen._construct_concrete_function(function, graph_def, converted)
    names = unique([_name(function, captures[h]) for h in handles])
    states = {
        handle: Assigned(name, captures[handle], _value(function, captures[handle], name))
        for name, handle in zip(names, handles, strict=True)
    }
    return lift(partial, states)


def _from_the_start(
    run: Callable[[Mapping[str, Array]], dict[str, Array]], states: Sequence[Assigned]
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    raw = load("tensorflow").raw_ops

    def started(arrays: Mapping[str, Array]) -> dict[str, Array]:
        for state in states:
            raw.AssignVariableOp(resource=state.handle, value=state.initial)
        return run(arrays)

    return started


def _name(function: Any, handle: Any) -> str:
    variable = next((v for v in function.graph.variables if v.handle is handle), None)
    return str(variable.name).partition(":")[0] if variable is not None else "state"


def _value(function: Any, handle: Any, name: str) -> Array:
    """What a variable holds now.

    Raises:
        NotConvertible: Its shape is open.
    """
    variable = next((v for v in function.graph.variables if v.handle is handle), None)
    if variable is None or not variable.shape.is_fully_defined():
        raise NotConvertible(
            f'The model assigns the variable "{name}", whose shape is not fixed.',
            "Give it a shape without open dimensions; a state needs a fixed batch.",
        )
    return np.asarray(variable.numpy())
