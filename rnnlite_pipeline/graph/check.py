"""The verifier: what must hold of every graph, whichever pass has just changed it.

1. single: one op at most makes a value; none makes an input of the graph or a constant.
2. order: an op reads what stands before it: inputs, constants, variables, results of earlier ops.
   So there is no cycle. The graph returns such values as well.
3. type: dtypes are the schema's; a dimension is open (-1), 0 or more.
4. call: a loop fits its condition and body, a branch its IF, in number, dtype and rank; the model
   holds each graph that an op runs, and none runs itself.
5. signature: a signature's graph is in the model, and its values are that graph's inputs and
   outputs.
6. option: an op has the options table of its code, and in it only fields that the schema knows,
   with values of their kind.
7. rank: ranks and dtypes agree over ops whose rule is simple (`_RANKS`), where they are known.

Its cost is one walk over the ops; no content of a constant is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from rnnlite_pipeline.errors import BrokenGraph, ModelFormatError
from rnnlite_pipeline.graph import schema
from rnnlite_pipeline.graph.build import defaults, options_type
from rnnlite_pipeline.graph.calls import called, check_calls
from rnnlite_pipeline.graph.edit import tensors
from rnnlite_pipeline.graph.fields import ACTIVATION
from rnnlite_pipeline.graph.ir import OPEN, Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.ops import BROADCAST, CHOICES, COMPARISONS, SAME_SHAPE


@dataclass(frozen=True)
class Fault:
    """One rule that a graph breaks.

    Attributes:
        rule: The rule's name, as above.
        where: The graph, and the op or the value.
        what: What is wrong, one sentence without its full stop.
    """

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} (rule {self.rule})"


class Verifier:
    """Holds every later state of a graph to the rules that its first state keeps.

    A file that somebody else made may break a rule and run all the same; a pass is not to blame
    for that.

    Args:
        source: The graph before any pass.
    """

    def __init__(self, source: Model) -> None:
        self._excused = {fault.rule for fault in faults(source)}

    def __call__(self, model: Model, after: str) -> None:
        """Checks the graph as a pass left it.

        Args:
            model: The graph.
            after: The pass.

        Raises:
            BrokenGraph: The graph breaks a rule that its source keeps.
        """
        found = [fault for fault in faults(model) if fault.rule not in self._excused]
        if found:
            raise BrokenGraph(after, map(str, found))


def faults(model: Model) -> list[Fault]:
    """Everything that is wrong with a graph; empty for a good one."""
    found: list[Fault] = []
    try:
        check_calls(model)
    except ModelFormatError as error:
        found.append(Fault("call", "model", error.message.rstrip(".")))
    for subgraph in model.subgraphs:
        found += _of_subgraph(model, subgraph)
    found += _of_signatures(model)
    return found


def _of_subgraph(model: Model, subgraph: Subgraph) -> Iterator[Fault]:
    graph = f"graph {subgraph.name!r}"
    there: set[Tensor] = set()
    for tensor in subgraph.inputs:
        if tensor.data is not None or tensor in there:
            yield Fault("single", graph, f"the input {tensor.name!r} is a constant, or there twice")
        there.add(tensor)
    for op in subgraph.ops:
        where = f"{graph}, op {op.code}"
        where += f" to {op.outputs[0].name!r}" if op.outputs else ""
        yield from _of_order(op, where, there)
        for rule, check in (("call", _call), ("option", _option), ("rank", _rank)):
            if wrong := check(op):
                yield Fault(rule, where, wrong)
        if any(target not in model.subgraphs for target in called(op)):
            yield Fault("call", where, "it runs a graph that the model does not hold")
    for tensor in subgraph.outputs:
        if not _is_there(tensor, there):
            yield Fault("order", graph, f"nothing makes its output {tensor.name!r}")
    for tensor in tensors(subgraph):
        if wrong := _type(tensor):
            yield Fault("type", f"{graph}, value {tensor.name!r}", wrong)


def _of_order(op: Op, where: str, there: set[Tensor]) -> Iterator[Fault]:
    """Rules 1 and 2 for one op; its results are added to the values that are there."""
    for tensor in op.inputs:
        if tensor is not None and not _is_there(tensor, there):
            yield Fault("order", where, f"it reads {tensor.name!r}, which is not there yet")
    for tensor in op.outputs:
        if tensor.data is not None or tensor in there:
            yield Fault("single", where, f"{tensor.name!r} is there already")
        there.add(tensor)


def _is_there(tensor: Tensor, there: set[Tensor]) -> bool:
    return tensor in there or tensor.data is not None or tensor.is_variable


def _type(tensor: Tensor) -> str:
    if tensor.dtype not in schema.enum_values("TensorType"):
        return f"the schema has no type {tensor.dtype}"
    if any(d < OPEN for d in tensor.shape or ()):
        return f"its shape is {list(tensor.shape or ())}"
    return ""


def _call(op: Op) -> str:
    """Rule 4 for one loop or branch, numbers aside (`check_calls` counts)."""
    carried: list[tuple[Tensor | None, ...]] = []
    if op.code == "WHILE" and op.options_type == "WhileOptions":
        cond, body = op.options["cond_subgraph"], op.options["body_subgraph"]
        at_each_place = (op.inputs, op.outputs, cond.inputs, body.inputs, body.outputs)
        carried += zip(*at_each_place, strict=False)
        if any(t.dtype != "BOOL" for t in cond.outputs):
            return "its condition is no truth"
    elif op.code == "IF" and op.options_type == "IfOptions":
        branches = called(op)
        carried += zip(op.inputs[1:], *(b.inputs for b in branches), strict=False)
        carried += zip(op.outputs, *(b.outputs for b in branches), strict=False)
    for same in carried:
        values = [t for t in same if t is not None]
        ranks = {len(t.shape) for t in values if t.shape is not None}
        if len(ranks) > 1 or len({t.dtype for t in values}) > 1:
            return f"what it carries differs in type or rank: {values}"
    return ""


def _of_signatures(model: Model) -> Iterator[Fault]:
    for signature in model.signatures:
        where, graph = f"signature {signature.key!r}", signature.subgraph
        if graph not in model.subgraphs:
            yield Fault("signature", where, "the model does not hold its graph")
        for name, tensor in signature.inputs.items():
            if tensor not in graph.inputs:
                yield Fault("signature", where, f"{name!r} is no input of its graph")
        for name, tensor in signature.outputs.items():
            if tensor not in graph.outputs:
                yield Fault("signature", where, f"{name!r} is no output of its graph")


def _option(op: Op) -> str:
    if op.custom or op.code not in schema.enum_values("BuiltinOperator"):
        return ""
    table = _table(op.code)
    if op.options_type is None:
        return f"it has options and no table for them: {list(op.options)}" if op.options else ""
    if table is not None and table != op.options_type:
        return f"its options are {op.options_type}, and not {table}"
    known = _defaults(op.options_type)
    for key, value in op.options.items():
        if key not in known:
            return f"{op.options_type} has no field {key}"
        if not _is_of_kind(key, value, known[key]):
            return f"its option {key} is {value!r}"
    return ""


@cache
def _table(code: str) -> str | None:
    return options_type(code)


@cache
def _defaults(table: str) -> Mapping[str, object]:
    return defaults(table)


def _is_of_kind(key: str, value: object, default: object) -> bool:
    if key == ACTIVATION:
        return value in schema.enum_values("ActivationFunctionType")
    if default is None or value is None:
        return True
    if isinstance(default, bool):
        return isinstance(value, (bool, int)) and value in (0, 1)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))


def _rank(op: Op) -> str:
    rule = _RANKS.get(op.code)
    return rule(op) if rule and None not in op.inputs[:2] and op.outputs else ""


def _shapes(op: Op) -> tuple[list[tuple[int, ...] | None], tuple[int, ...] | None]:
    return [t.shape if t is not None else None for t in op.inputs], op.outputs[0].shape


def _same_shape(op: Op) -> str:
    """The output has the first operand's shape."""
    (x, *_), out = _shapes(op)
    return "" if _agree(x, out) else f"its shape goes from {x} to {out}"


def _broadcast(op: Op) -> str:
    """The output has the rank of the longest shape; operands are of one dtype."""
    inputs, out = _shapes(op)
    values = op.inputs[1:] if op.code in CHOICES else op.inputs
    dtypes = {t.dtype for t in values if t is not None}
    if len(dtypes) > 1:
        return f"its operands are of the types {' and '.join(sorted(dtypes))}"
    if op.code in COMPARISONS and op.outputs[0].dtype != "BOOL":
        return f"a comparison gives {op.outputs[0].dtype}"
    known = [len(shape) for shape in inputs if shape is not None]
    if out is None or len(known) < len(inputs) or len(out) == max(known):
        return ""
    return f"its shapes are {inputs}, and the result's is {out}"


def _transposed(op: Op) -> str:
    (x, order), out = _shapes(op)
    if order is None or OPEN in order:
        return ""
    ranks = {len(shape) for shape in (x, out) if shape is not None} | {*order}
    return "" if len(ranks) == 1 else f"it orders {order[0]} axes of {x} to {out}"


def _joined(op: Op) -> str:
    inputs, out = _shapes(op)
    ranks = {len(shape) for shape in (*inputs, out) if shape is not None}
    return "" if len(ranks) <= 1 else f"it joins {inputs} to {out}"


def _parted(op: Op) -> str:
    x = op.inputs[1 if op.code == "SPLIT" else 0]
    shapes = [t.shape for t in (x, *op.outputs) if t is not None and t.shape is not None]
    return "" if len({len(s) for s in shapes}) <= 1 else f"it splits {shapes[0]} to {shapes[1]}"


def _measured(op: Op) -> str:
    out = op.outputs[0]
    wrong = out.shape is not None and len(out.shape) != 1
    return f"a shape has the shape {out.shape}" if wrong else ""


def _multiplied(op: Op) -> str:
    weights = op.inputs[1]
    wrong = weights is not None and weights.shape is not None and len(weights.shape) != 2
    return f"its weights have the shape {weights and weights.shape}" if wrong else ""


def _agree(one: tuple[int, ...] | None, other: tuple[int, ...] | None) -> bool:
    if one is None or other is None:
        return True
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(a == b or OPEN in (a, b) for a, b in pairs)


_RANKS: Mapping[str, Callable[[Op], str]] = {
    **dict.fromkeys(SAME_SHAPE - {"WHILE"}, _same_shape),
    **dict.fromkeys(BROADCAST, _broadcast),
    "TRANSPOSE": _transposed,
    "CONCATENATION": _joined,
    **dict.fromkeys(("SPLIT", "SPLIT_V"), _parted),
    "SHAPE": _measured,
    "FULLY_CONNECTED": _multiplied,
}
