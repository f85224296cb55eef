"""A single step whose states are the graph's own inputs and outputs: a streaming model.

The graph holds one step of the recurrence, its caller the loop: h and c come in as inputs and
go out, new, as outputs, each by itself or as a part of one tensor that holds all states. Which
input is which output's state before the step is not written anywhere; the pairs are tried, and a
pair of states that is a cell is taken. Of a single state nothing could be told: one step of a
simple RNN is a dense layer of two inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations

from rnnlite_pipeline.algebra import forms
from rnnlite_pipeline.algebra.atoms import Symbol
from rnnlite_pipeline.algebra.forms import Form
from rnnlite_pipeline.cells.equations import substituted
from rnnlite_pipeline.cells.symbols import After, Before
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.ir import OPEN, Op, Tensor
from rnnlite_pipeline.graph.ops import PRODUCTS
from rnnlite_pipeline.recognise.loop.loop import STEP, Loop, Reading, State, Unrecognised
from rnnlite_pipeline.recognise.loop.rewriter import Replacement
from rnnlite_pipeline.recognise.symbolic import operations
from rnnlite_pipeline.recognise.symbolic.values import Item, Rows, Unknown, Value, constant
from rnnlite_pipeline.recognise.unrolled.chains import Straight, scope
from rnnlite_pipeline.recognise.unrolled.writing import Results, replacement, wanted, write
from rnnlite_pipeline.shapes.extents import Extents
from rnnlite_pipeline.shapes.linear import Linear

#: The ops that give a part of their operand, or give it another shape.
_CUTS = frozenset(
    {"GATHER", "RESHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "UNPACK"}
)

#: The ops that put their operands side by side, or give one another shape.
_JOINS = frozenset({"CONCATENATION", "EXPAND_DIMS", "PACK", "RESHAPE", "TRANSPOSE"})


def replace_step(graph: Straight, named: Callable[[str], str]) -> Replacement | None:
    """A step of an LSTM between the graph's inputs and outputs as a recurrence of one step.

    The subgraph is not changed. None where there is no such step.

    Args:
        graph: A graph whose caller passes the states.
        named: The layer's name, given its scope.
    """
    step = _Step(graph, named)
    for new, old in step.candidates():
        try:
            return step.replacement(new, old)
        except Unrecognised:
            continue
    return None


class _Step:
    """The outputs of a graph as equations over its inputs, `x{k}`, and other outputs."""

    def __init__(self, graph: Straight, named: Callable[[str], str]) -> None:
        self.graph, self.named, self.extents = graph, named, Extents(graph.subgraph)
        self.inputs = list(filter(_is_row, _parts_of_inputs(graph)))
        widths = {(t.shape or ())[-1] for t in self.inputs}
        self.outputs = [
            t
            for t in _parts_of_outputs(graph)
            if _is_row(t) and (t.shape or ())[-1] in widths and graph.producer(t) is not None
        ]
        self.tensors: dict[str, Tensor] = {}
        self._known: dict[int, Value] = {}
        self.equations: dict[str, Form] = {}
        if len(self.inputs) > 1 and len(self.outputs) > 1:
            self._read(id(t) for t in self.outputs)

    def candidates(self) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        """(h', c') and (h, c) by symbol: h' reads c', and c' reads h and c.

        Later inputs first: a step's own input stands before the states.
        """
        for h, c in permutations(self.equations, 2):
            if c not in _names(self.equations[h]):
                continue
            given = list(self.tensors)[len(self.inputs) - 1 :: -1]
            read = [n for n in given if n in _names(self.equations[c])]
            for olds in permutations(read, 2):
                widths = [self._width(n) for n in olds]
                if widths == [self._width(h), self._width(c)]:
                    yield (h, c), (olds[0], olds[1])

    def replacement(self, new: tuple[str, str], old: tuple[str, str]) -> Replacement:
        """The step as a recurrence, `old` the states' symbols before and `new` after it."""
        names: dict[str, str] = {o: Before(k) for k, o in enumerate(old)}
        names |= {n: After(k) for k, n in enumerate(new)}

        def renamed(symbol: Symbol) -> Form:
            name = names.get(symbol.name, symbol.name)
            return forms.of(Symbol(name, symbol.start, symbol.stop))

        states = [
            State(k, 0, self._width(n), substituted(self.equations[n], renamed))
            for k, n in enumerate(new)
        ]
        ends = [self.tensors[n] for n in new]
        own = {id(op) for op in self._products(ends)}
        first = next((op for op in self.graph.subgraph.ops if id(op) in own), None)
        if first is None:
            raise Unrecognised("its step multiplies nothing")
        build = Builder(self.named(scope([first])))
        loop = Loop(first, Linear(1), states)
        for name in sorted({s.name for state in states for s in state.equation.symbols()}):
            if name in self.tensors:
                if self._depends(self.tensors[name], ends):
                    raise Unrecognised("its step reads what is computed from its new states")
                sequence = build.expand_dims(self.tensors[name], axis=0)
                loop.readings[name] = Reading(sequence, 0, Linear.symbol(STEP))
        befores = [self.tensors[o] for o in old]
        written = write(loop, self.extents, build, lambda state: befores[state.variable])
        used = wanted(self.graph, {id(t) for t in ends}, own)
        finals = dict(zip((s.variable for s in written.states), written.finals, strict=True))
        results: Results = {id(t): (t, finals[k]) for k, t in enumerate(ends) if id(t) in used}
        return replacement(self.graph, loop, self.extents, build, (written, results))

    def _products(self, ends: list[Tensor]) -> Iterator[Op]:
        """The products that the new states are computed by."""
        given = {id(t) for t in self.tensors.values()} - {id(t) for t in ends}
        for op in self._before(ends, given):
            if op.code in PRODUCTS:
                yield op

    def _depends(self, tensor: Tensor, ends: list[Tensor]) -> bool:
        makers = {id(self.graph.producer(t)) for t in ends}
        return any(id(op) in makers for op in self._before([tensor], set()))

    def _before(self, tensors: list[Tensor], stop: set[int]) -> Iterator[Op]:
        """The ops that tensors are computed by, as far back as `stop`."""
        stack, seen = list(tensors), set[int]()
        while stack:
            tensor = stack.pop()
            op = self.graph.producer(tensor)
            if id(tensor) in stop or op is None or id(op) in seen:
                continue
            seen.add(id(op))
            yield op
            stack += [t for t in op.inputs if t is not None]

    def _width(self, name: str) -> int:
        return int((self.tensors[name].shape or ())[-1])

    def _read(self, outputs: Iterable[int]) -> None:
        """Reads every row that depends on rows; where there is no rule, it is an input as well."""
        ends = set(outputs)
        for tensor in self.inputs:
            self._name(tensor)
        for op in self.graph.subgraph.ops:
            if not any(map(_is_row, op.outputs)) or all(id(t) in self._known for t in op.outputs):
                continue
            values = [self._value(t) for t in op.inputs if t is not None]
            for tensor, value in zip(
                op.outputs, operations.read(op, values, self.extents), strict=True
            ):
                self._known[id(tensor)] = value
                if _is_row(tensor) and (id(tensor) in ends or isinstance(value, Unknown)):
                    name = self._name(tensor)
                    if isinstance(value, Rows):
                        self.equations[name] = value.form

    def _value(self, tensor: Tensor) -> Value:
        if id(tensor) not in self._known:
            made = operations.integers(tensor, self.extents)
            unknown = made or Unknown("it is not one row a batch entry")
            self._known[id(tensor)] = unknown if tensor.data is None else constant(tensor)
        return self._known[id(tensor)]

    def _name(self, tensor: Tensor) -> str:
        name = Item(len(self.tensors))
        self.tensors[name] = tensor
        self._known[id(tensor)] = Rows(forms.symbol(name, (tensor.shape or ())[-1]))
        return name


def _parts_of_inputs(graph: Straight) -> Iterator[Tensor]:
    """The inputs and what is cut out of them, in execution order.

    What an input only chooses, such as the row of a token, is no part of it. Parts of inputs that
    have the shape of an output come last: a state is given back in the shape that it came in.
    """
    roots = {t: t for t in graph.subgraph.inputs}
    for op in graph.subgraph.ops:
        cut = op.inputs[1 if op.code == "SPLIT" else 0] if op.code in _CUTS else None
        read = {t for t in op.inputs if t is not None and t.data is None}
        if cut in roots and read <= roots.keys():
            assert cut is not None
            roots |= dict.fromkeys(op.outputs, roots[cut])
    shapes = {t.shape for t in graph.subgraph.outputs}
    yield from sorted(roots, key=lambda part: roots[part].shape in shapes)


def _parts_of_outputs(graph: Straight) -> Iterator[Tensor]:
    """The outputs and what they are put together of."""
    stack, seen = list(graph.subgraph.outputs)[::-1], set[int]()
    while stack:
        tensor = stack.pop()
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield tensor
            op = graph.producer(tensor)
            if op is not None and op.code in _JOINS:
                stack += [t for t in op.inputs[::-1] if t is not None]


def _is_row(tensor: Tensor) -> bool:
    shape = tensor.shape or ()
    return tensor.dtype == "FLOAT32" and len(shape) == 2 and shape[-1] != OPEN


def _names(form: Form) -> set[str]:
    return {s.name for s in form.symbols()}
