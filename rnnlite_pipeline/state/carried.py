"""States that the caller carries: an input of the graph, and the output that gives it back.

A streaming model may hold one step, and its caller feeds each call with what the call before gave:
DTLN's published models pack h and c of two layers into one tensor [1, layers, units, 2]. Nothing in
a file says which output belongs to which input. It is proved from the data flow:

1. A layer, or a loop, takes each state and gives it, new (`Carry`). Its operand is followed back to
   inputs of the graph, and outputs of the graph are followed back to what it gives, through ops
   that only move elements. Any other op on the way ends the search.
2. What these ops do to each element is found by running them, on the element's own number.
3. An output belongs to an input if it has the input's shape, and each of its elements is the new
   value of the very element that the input has in this place.
4. The last output of a single step has the numbers of the new state as well. Where one output
   comes from the output of the steps and another one from the state, the latter is the partner.
5. Two outputs for one input, or two inputs for one output, are refused otherwise: nothing says
   which is meant. A single step treats its input and its state h alike, tanh(W x + U h): an input
   x in the output's shape counts as such a second one. Names decide nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.cells.recurrence import BIDIRECTIONAL, RECURRENCE
from rnnlite_pipeline.errors import NotConvertible, StageError
from rnnlite_pipeline.graph.edit import consumers, producers
from rnnlite_pipeline.graph.extract import extract
from rnnlite_pipeline.graph.ir import NUMPY, OPEN, Model, Op, Tensor
from rnnlite_pipeline.graph.ops import JOINS, MOVES
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner

Numbers = NDArray[np.int64]

#: An open batch has this many entries when elements are followed: what holds for both is no
#: coincidence of sizes.
BATCHES = (2, 3)

#: float32 has each whole number up to here.
_EXACT = 1 << 24


@dataclass(frozen=True, eq=False)
class Carry:
    """A state that an op takes as an operand, and gives, new, as a result.

    Attributes:
        layer: The layer's name.
        state: Its name, "lstm/h"; of a loop, the name of its result.
        op: The op: RECURRENCE, BIDIRECTIONAL or WHILE.
        place: The state's position among the operands.
        after: The tensors whose elements are those of the new state, in order.
        width: Its width; 0 where it is unknown.
    """

    layer: str
    state: str
    op: Op
    place: int
    after: tuple[Tensor, ...]
    width: int = 0

    @property
    def before(self) -> Tensor | None:
        """The operand."""
        return self.op.inputs[self.place]


@dataclass(frozen=True, eq=False)
class Pair:
    """An input of states, and the output of the same states after the call.

    Attributes:
        input: Its name in the signature.
        output: Its name in the signature.
        before: The input.
        after: The output.
        carries: The states in them.
        numbers: For each of the states, which element of the flat input is each of its elements.
        alone: Whether nothing but the layers reads the input, and each state is all in the pair, so
            that it can be taken apart into these.
    """

    input: str
    output: str
    before: Tensor
    after: Tensor
    carries: tuple[Carry, ...]
    numbers: tuple[Numbers, ...]
    alone: bool


@dataclass
class Found:
    """The pairs of a graph, and why other inputs of states have no partner."""

    pairs: list[Pair] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def carried(model: Model, kept: Collection[str] = ()) -> Found:
    """The states of the main graph that its caller carries.

    Args:
        model: Its recurrences are pseudo ops.
        kept: The inputs of states that the source keeps itself; they are no part of this.

    Raises:
        NotConvertible: Rule 5.
    """
    carries = list(_carries(model))
    sizes = BATCHES if any(OPEN in (t.shape or ()) for t in model.main.inputs) else (1,)
    seen = [_Elements(model, carries, size, kept) for size in sizes]
    names = [each.pairs() for each in seen]
    agreed = [pair for pair in names[0] if all(pair in others for others in names)]
    agreed = _from_states(agreed, seen[0])
    swapped = _from_states(seen[0].swapped_pairs(), seen[0])
    _check_unique(list(dict.fromkeys([*agreed, *swapped])))
    found = Found([seen[0].pair(*pair) for pair in agreed])
    taken = {carry.state for pair in found.pairs for carry in pair.carries}
    for carry in carries:
        given = seen[0].inputs_of(carry)
        if given and carry.state not in taken and carry.op.code != "WHILE":
            found.reasons.append(
                f"{carry.layer}: its first state is given by {_listed(given)}, and no output gives "
                "the state after the call back in the same order; it stays an input"
            )
    found.reasons = list(dict.fromkeys(found.reasons))
    return found


def _carries(model: Model) -> Iterator[Carry]:
    for op in model.main.ops:
        if op.code == "WHILE":
            for place, tensor in enumerate(op.outputs):
                if tensor.dtype == "FLOAT32":
                    yield Carry(tensor.name, tensor.name, op, place, (tensor,))
        if op.code not in (RECURRENCE, BIDIRECTIONAL):
            continue
        place, out = 1, 0
        for recurrence in op.options.values():
            cell = recurrence.cell
            x, y = op.inputs[0], op.outputs[out]
            time = ((x.shape if x is not None else None) or (OPEN, OPEN))[
                0 if recurrence.time_major else 1
            ]
            op.inputs += [None] * (place + len(cell.states) - len(op.inputs))
            for k, short in enumerate(cell.state_names):
                finals = (op.outputs[out + 1 + k], *((y,) if time == 1 and k == 0 else ()))
                name = f"{recurrence.name}/{short}"
                yield Carry(recurrence.name, name, op, place + k, finals, cell.states[k])
            place, out = place + len(cell.states), out + len(cell.states) + 1


class _Elements:
    """Every element of inputs and states has a number, and is followed by it; 0 is no element.

    Args:
        model: The model.
        carries: Its states.
        size: The length of each open dimension.
        kept: The inputs that are left out.
    """

    def __init__(
        self, model: Model, carries: Sequence[Carry], size: int, kept: Collection[str]
    ) -> None:
        self._model, self._size = model, size
        self._made = producers(model.main)
        self._outputs_by_name = model.signatures[0].outputs
        self._inputs_by_name = {
            name: tensor for name, tensor in model.signatures[0].inputs.items() if name not in kept
        }
        self._count = 1
        self._of: dict[Tensor, Numbers] = {
            tensor: self._numbered(self._shape(tensor))
            for tensor in self._inputs_by_name.values()
            if tensor.dtype == "FLOAT32" and tensor.shape is not None
        }
        self._own = self._count
        self._before: dict[Carry, Numbers] = {}
        self._after: dict[Carry, Numbers] = {}
        self._beside: dict[Carry, list[Numbers]] = {}
        for carry in carries:
            before = self._moved(carry.before, self._of)
            if before is not None and before.size and before.all():
                self._before[carry] = before
                self._after[carry] = self._numbered(before.shape)
                self._beside[carry] = [self._numbered(before.shape) for _ in carry.after[1:]]
        self._old = np.arange(self._count)
        leaves = dict(self._of)
        for carry, after in self._after.items():
            for tensor, new in zip(carry.after, [after, *self._beside[carry]], strict=True):
                self._old[new] = self._before[carry]
                shape = self._shape(tensor)
                if np.prod(shape, dtype=int) == after.size:
                    leaves[tensor] = new.reshape(shape)
                elif carry.op.code == "WHILE":
                    leaves[tensor] = new
        self._outputs = {
            name: self._moved(tensor, leaves) if self._before else None
            for name, tensor in self._outputs_by_name.items()
        }

    def pairs(self) -> list[tuple[str, str]]:
        """Rule 3: the names of each input and the output that gives it back."""
        return self._pairs_by(self._old)

    def swapped_pairs(self) -> list[tuple[str, str]]:
        """Rule 5: those that there would be if a step's input were its state, one step each."""
        found = []
        for carry, after in self._after.items():
            x = carry.op.inputs[0]
            shape = (x.shape if x is not None else None) or ()
            if self._beside[carry] and shape[-1:] == (carry.width,):
                row = self._moved(x, self._of)
                if row is not None and row.size == after.size:
                    old = self._old.copy()
                    old[after] = row.reshape(after.shape)
                    found += self._pairs_by(old)
        return found

    def _pairs_by(self, old: Numbers) -> list[tuple[str, str]]:
        return [
            (given, result)
            for given, before in self._inputs_by_name.items()
            for result, after in self._outputs.items()
            if before in self._of
            and after is not None
            and (after >= self._own).any()
            and np.array_equal(old[after], self._of[before])
        ]

    def is_from_states(self, result: str) -> bool:
        """Rule 4: whether an output has elements of the states themselves alone."""
        beside = [n for numbers in self._beside.values() for n in numbers]
        after = self._outputs[result]
        return after is not None and not any(np.isin(n, after).any() for n in beside)

    def inputs_of(self, carry: Carry) -> list[str]:
        """The inputs that a state consists of; empty where the model computes it."""
        before = self._before.get(carry)
        return [
            name
            for name, tensor in self._inputs_by_name.items()
            if before is not None and tensor in self._of and np.isin(before, self._of[tensor]).any()
        ]

    def pair(self, given: str, result: str) -> Pair:
        """What `pairs` found, with the states in it."""
        before, after = self._inputs_by_name[given], self._outputs[result]
        assert after is not None, "it is a pair"
        own = self._of[before]
        carries = tuple(c for c, old in self._before.items() if np.isin(old, own).any())
        old = self._old[after]
        whole = [
            np.isin(self._before[c], own).all() and np.isin(self._before[c], old).all()
            for c in carries
        ]
        numbers = tuple(self._before[c].ravel() - own.flat[0] for c in carries)
        each_once = sum(n.size for n in numbers) == own.size
        return Pair(
            given,
            result,
            before,
            self._outputs_by_name[result],
            carries,
            numbers,
            all(whole) and each_once and self._read_alone(before, carries),
        )

    def _read_alone(self, tensor: Tensor, carries: Sequence[Carry]) -> bool:
        """Whether an input goes into these states of recurrences, and nowhere else."""
        readers, outputs = consumers(self._model.main), set(self._model.main.outputs)
        places = {(c.op, c.place) for c in carries if c.op.code != "WHILE"}
        stack = [tensor]
        while stack:
            each = stack.pop()
            if each in outputs:
                return False
            for op in readers.get(each, []):
                at = [k for k, operand in enumerate(op.inputs) if operand is each]
                if op.code in MOVES and not set(at) - set(_moving(op)):
                    stack += op.outputs
                elif not places.issuperset((op, k) for k in at):
                    return False
        return True

    def _numbered(self, shape: Sequence[int]) -> Numbers:
        count = int(np.prod(shape, dtype=int))
        start, self._count = self._count, self._count + count
        return np.arange(start, self._count).reshape(shape)

    def _shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(self._size if d == OPEN else d for d in tensor.shape or ())

    def _moved(self, tensor: Tensor | None, leaves: Mapping[Tensor, Numbers]) -> Numbers | None:
        """Rule 2: which elements a tensor consists of; None where an op computes it."""
        if tensor is None or tensor in leaves:
            return leaves[tensor] if tensor is not None else None
        ops = self._ops(tensor, leaves)
        if not ops or self._count > _EXACT:
            return None
        read = {t for op in ops for t in op.inputs if t is not None} - {
            t for op in ops for t in op.outputs
        }
        named = {f"input_{k}": t for k, t in enumerate(t for t in read if t.data is None)}
        own = [op for op in self._model.main.ops if op in ops]
        part = write_model(extract(named, {"value": tensor}, own))
        feed = {name: self._fed(t, leaves) for name, t in named.items()}
        negated = {name: -array if named[name] in leaves else array for name, array in feed.items()}
        try:
            runner = Runner(part, "reference")
            once, again = runner.run(feed)["value"], runner.run(negated)["value"]
        except StageError:
            return None
        return np.where(once == -again, once, 0).astype(np.int64)

    def _fed(self, tensor: Tensor, leaves: Mapping[Tensor, Numbers]) -> NDArray[Any]:
        if tensor in leaves:
            return leaves[tensor].astype(np.float32)
        return np.zeros(self._shape(tensor), NUMPY[tensor.dtype])

    def _ops(self, tensor: Tensor, leaves: Mapping[Tensor, Numbers]) -> set[Op]:
        """The ops that move elements into a tensor, and those that make their sizes.

        Empty where another op computes it.
        """
        found: set[Op] = set()
        stack = [tensor]
        while stack:
            each = stack.pop()
            if each in leaves or each.data is not None:
                continue
            op = self._made.get(each)
            if op is None or op.code not in MOVES:
                return set()
            if op in found:
                continue
            found.add(op)
            moving = _moving(op)
            for k, operand in enumerate(op.inputs):
                if operand is not None and k in moving:
                    stack.append(operand)
                elif operand is not None and not self._is_size(operand, found):
                    return set()
        return found

    def _is_size(self, tensor: Tensor, found: set[Op]) -> bool:
        """Whether an operand is known from the sizes of the graph's inputs alone."""
        stack, inputs = [tensor], set(self._model.main.inputs)
        while stack:
            each = stack.pop()
            op = self._made.get(each)
            if each.data is not None:
                continue
            if op is None:
                return False
            found.add(op)
            if op.code == "SHAPE":
                if op.inputs[0] not in inputs:
                    return False
                continue
            stack += [t for t in op.inputs if t is not None]
        return True


def _moving(op: Op) -> Sequence[int]:
    """The operands whose elements an op moves."""
    if op.code in JOINS:
        return range(len(op.inputs))
    return (1,) if op.code == "SPLIT" else (0,)


def _from_states(pairs: list[tuple[str, str]], elements: _Elements) -> list[tuple[str, str]]:
    """Rule 4."""
    sure = {given for given, result in pairs if elements.is_from_states(result)}
    return [p for p in pairs if p[0] not in sure or elements.is_from_states(p[1])]


def _check_unique(pairs: Sequence[tuple[str, str]]) -> None:
    for side, other, what in ((0, 1, "input"), (1, 0, "output")):
        for name in dict.fromkeys(pair[side] for pair in pairs):
            partners = [pair[other] for pair in pairs if pair[side] == name]
            if len(partners) > 1:
                of = "outputs" if what == "input" else "inputs"
                raise NotConvertible(
                    f'The {what} "{name}" holds states, and the {of} {_listed(partners)} have the '
                    "same ones: nothing says which of them belongs to it.",
                    f"Leave all but one of the {of} out of the source, or set recurrent.state to "
                    "source, so that the caller feeds the states.",
                    ("recurrent", "state"),
                )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f'"{name}"' for name in names)
