"""Demands on a whole model that several runtimes have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Source


def closed(source: Source) -> Demand:
    """All sizes are known before the model runs."""

    def refusals(model: Model) -> Iterator[Refusal]:
        reason = "it has an open dimension; pin its size in source.inputs"
        found = [Refusal("INPUT", t.name, reason) for t in model.main.inputs if _is_open(t)]
        yield from found
        if found:
            return  # the sizes of all that follows are open because of this
        for op, tensor in _results(model):
            if _is_open(tensor):
                yield Refusal(op.code, tensor.name, "its size is known only while the model runs")

    return Demand("closed sizes: no input and no tensor with an open dimension", source, refusals)


def no_variables(source: Source, reason: str) -> Demand:
    """No op has a variable tensor, as each fused recurrent op has for its states."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if any(t is not None and t.is_variable for t in op.inputs):
                yield Refusal(op.code, op.outputs[0].name, reason)

    return Demand("no variable tensors", source, refusals)


def dtypes(
    taken: tuple[str, ...],
    source: Source,
    remedy: Callable[[Model, Tensor], str] | None = None,
) -> Demand:
    """Every value that an op computes or is given has one of these types.

    Args:
        taken: The types.
        source: Where this was read.
        remedy: What the user can do about a tensor of another type, where something is known.
    """
    only = f"only {', '.join(taken).lower()} values are taken"

    def refusals(model: Model) -> Iterator[Refusal]:
        def reason(tensor: Tensor) -> str:
            more = remedy(model, tensor) if remedy else ""
            return f"{only}; {more}" if more else only

        for tensor in model.main.inputs:
            if tensor.dtype not in taken:
                wrong = f"it is {tensor.dtype.lower()}; {reason(tensor)}"
                yield Refusal("INPUT", tensor.name, wrong)
        for op, tensor in _results(model):
            if tensor.dtype not in taken:
                wrong = f"it gives {tensor.dtype.lower()}; {reason(tensor)}"
                yield Refusal(op.code, tensor.name, wrong)

    return Demand(f"types: {', '.join(taken).lower()}", source, refusals, of_ops=True)


def no_float16(source: Source) -> Demand:
    """No operand is stored in float16."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if any(t is not None and t.dtype == "FLOAT16" for t in op.inputs):
                yield Refusal(op.code, op.outputs[0].name, "float16 operands are not taken")

    return Demand("no float16", source, refusals)


def no_sparse(source: Source) -> Demand:
    """No constant is stored without its zeros."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if any(t is not None and t.sparsity is not None for t in op.inputs):
                reason = (
                    "weights without their zeros are read as if they were whole; with this"
                    " runtime in targets they are stored with them"
                )
                yield Refusal(op.code, op.outputs[0].name, reason)

    return Demand("no constants without their zeros", source, refusals)


def no_hybrid(source: Source) -> Demand:
    """No op multiplies float values by int8 weights."""

    def refusals(model: Model) -> Iterator[Refusal]:
        for op in model.ops():
            if op.code != "DEQUANTIZE" and _is_hybrid(op):
                reason = "int8 weights with float values are not taken; use scheme int8 or none"
                yield Refusal(op.code, op.outputs[0].name, reason)

    return Demand("no int8 weights with float values (dynamic_range)", source, refusals)


def first_states_zero(source: Source, reason: str) -> Demand:
    """Every variable that CALL_ONCE sets up starts from zero: in integers from the zero point.

    The zero point is that of the tensors that the variable is read as; the constant that it starts
    from has none of its own.
    """

    def refusals(model: Model) -> Iterator[Refusal]:
        zeros = _zero_points(model)
        graphs = [op.options["init_subgraph"] for op in model.ops() if op.code == "CALL_ONCE"]
        for graph in dict.fromkeys(graphs):
            names = _variables(graph)
            for op in graph.ops:
                if op.code != "ASSIGN_VARIABLE":
                    continue
                handle, value = op.inputs
                assert handle is not None
                name = names.get(handle, handle.name)
                first = None if value is None else value.array
                if first is None or not (first == zeros.get(name, 0)).all():
                    yield Refusal(op.code, name, reason)

    return Demand("states between calls that start from zero", source, refusals)


def _variables(graph: Subgraph) -> dict[Tensor, str]:
    """The name of the variable that each handle of a graph stands for."""
    handles = (op for op in graph.ops if op.code == "VAR_HANDLE")
    return {op.outputs[0]: str(op.options["shared_name"]) for op in handles}


def _zero_points(model: Model) -> dict[str, int]:
    """The zero point of each variable that is kept in integers, by its name."""
    found: dict[str, int] = {}
    for graph in model.subgraphs:
        names = _variables(graph)
        for op in (op for op in graph.ops if op.code == "READ_VARIABLE"):
            handle, quantization = op.inputs[0], op.outputs[0].quantization
            if handle in names and quantization and quantization.zero_point:
                found[names[handle]] = int(quantization.zero_point[0])
    return found


def is_zero(value: Tensor | None) -> bool:
    """Whether a tensor is a constant of zeros: in integers of its zero point."""
    if value is None or value.array is None:
        return False
    points = value.quantization.zero_point if value.quantization else ()
    return bool((value.array == (points[0] if points else 0)).all())


def _is_hybrid(op: Op) -> bool:
    x, *others = op.inputs or [None]
    stored = [t for t in others if t is not None and t.data is not None and t.dtype == "INT8"]
    return x is not None and x.dtype == "FLOAT32" and bool(stored)


def _results(model: Model) -> Iterator[tuple[Op, Tensor]]:
    for op in model.ops():
        for tensor in op.outputs:
            yield op, tensor


def _is_open(tensor: Tensor) -> bool:
    return tensor.shape is None or OPEN in tensor.shape
