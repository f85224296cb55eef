"""Loops as straight-line steps: a loop whose turns can be counted is written out, turn by turn.

1. The turns are counted by computing the loop's condition on what is known of its operands. A
   loop that depends on more than constants stays a loop.
2. What a turn computes from constants alone is a constant: the counter, where a step's row
   stands, the product of a first state of zeros (constants.py).
3. All turns read the same constants: weights are stored once.
4. The row of a sequence at a known step is a result of one UNPACK of the sequence. Where a target
   has no UNPACK, the sequence is reshaped, split, and nothing is squeezed.
5. Outputs that the loop puts in place one by one (DYNAMIC_UPDATE_SLICE) are put together at the
   end, by one PACK; or by CONCATENATION and RESHAPE.

A model is unrolled last, after it was quantized. So a step rounds as a turn of the loop does, with
one scale for a value in all steps, and the numbers are the loop's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rnnlite_pipeline.errors import Key, NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import producers, prune, replace_uses
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.lower.constants import Constants
from rnnlite_pipeline.lower.rows import Has, Rows, together

#: The most ops that loops may become. A file of so many has some 4 MB beside its weights, and
#: Vela or an interpreter takes about a minute to prepare it.
MOST_OPS = 20_000

#: Said of it.
_MOST = f"at most {MOST_OPS:,} ops are written out"

#: The most bytes that XNNPACK may pack weights into: it packs those of each product anew.
MOST_PACKED = 2**30

#: Ops that are never computed ahead: what they write into is large, and mostly replaced.
_NOT_AHEAD = frozenset({"DYNAMIC_UPDATE_SLICE", "BROADCAST_TO", "TILE"})


def unroll(
    model: Model,
    every: bool,
    has: Has = lambda _: True,
    *,
    packs: bool = False,
    layers: Collection[str] = (),
    asked_by: Key = (),
) -> list[str]:
    """Writes loops out, in place.

    Args:
        model: A lowered model, quantized or not.
        every: Whether all loops are, or those of one turn and of `layers` only.
        has: Whether the targets have an op.
        packs: Whether XNNPACK runs the model.
        layers: The names of recurrent layers whose loops are written out.
        asked_by: What of the config forbids loops.

    Returns:
        The loops of the main graph that stay loops though they should not, by the name of their
        first output.

    Raises:
        NotConvertible: The steps would be more than `MOST_OPS` ops, or `MOST_PACKED` bytes.
    """
    writer = _Unroller(every, layers, has, packs, asked_by)
    left: list[str] = []
    roots = dict.fromkeys([model.main, *(s.subgraph for s in model.signatures)])
    for subgraph in roots:
        left += writer.write_out(model, subgraph)
    prune(model)
    return left


class _Unroller:
    """Writes out loops, with what is shared by all of a model.

    Args:
        every: Whether all loops are written out.
        layers: The layers whose loops are, where not all are.
        has: Whether the targets have an op.
        packs: Whether XNNPACK runs the model.
        asked_by: What of the config forbids loops.
    """

    def __init__(
        self, every: bool, layers: Collection[str], has: Has, packs: bool, asked_by: Key
    ) -> None:
        self._every, self._has, self._packs, self._asked_by = every, has, packs, asked_by
        self._asked = every  # of the loop of the main graph that is being looked at
        self._scopes = tuple(f"{name}/level_" for name in layers)
        self._constants = Constants()
        self._count = 0

    def write_out(self, model: Model, subgraph: Subgraph) -> list[str]:
        """The loops of a graph, those within them as well; returns those that stay."""
        left: list[str] = []
        known: dict[Tensor, Tensor] = {}
        for op in list(subgraph.ops):
            if op.code != "WHILE":
                self._learn(op, known)
                continue
            operands = [known.get(t, t) for t in op.inputs if t is not None]
            self._asked = self._every or op.outputs[0].name.startswith(self._scopes)
            turns = self._turns(op, operands)
            new = self._steps(op, operands, turns) if turns else None
            if new is None or not self._replace(model, subgraph, op, *new):
                left += [op.outputs[0].name] if self._asked else []
        return left

    def _learn(self, op: Op, known: dict[Tensor, Tensor]) -> None:
        """Notes the constants that an op of the main graph gives."""
        if op.code not in _NOT_AHEAD:
            results = self._constants.results(op, [t and known.get(t, t) for t in op.inputs])
            known.update(zip(op.outputs, results or [], strict=False))

    def _turns(self, loop: Op, operands: Sequence[Tensor]) -> int | None:
        """How many turns a loop is written out in; None where it stays a loop.

        It stays one where its turns are not known or none, and where they are more than one and
        nothing asks for it.

        Raises:
            NotConvertible: They are too many.
        """
        condition: Subgraph = loop.options["cond_subgraph"]
        body: Subgraph = loop.options["body_subgraph"]
        counting, weights = _counting(condition, body), _weight_bytes(body)
        carried = [t if t.data is not None else None for t in operands]
        for turns in range(MOST_OPS):
            if self._asked and turns * len(body.ops) > MOST_OPS:
                raise self._too_long(
                    loop, f"{turns} steps and more of {len(body.ops)} ops; {_MOST}"
                )
            if self._packs and turns * weights > MOST_PACKED:
                raise self._too_long(
                    loop,
                    f"XNNPACK packs the weights of each of its steps, {weights:,} bytes, anew;"
                    f" {turns} steps are above the limit of {MOST_PACKED:,} bytes",
                )
            goes_on = self._computed(condition, carried, set(condition.ops))[0]
            if goes_on is None:
                return None
            if not goes_on.data or not any(goes_on.data):
                return turns or None
            if turns and not self._asked:
                return None
            carried = self._computed(body, carried, counting)
        raise self._too_long(loop, f"more steps than {_MOST}")

    def _computed(
        self, graph: Subgraph, given: Sequence[Tensor | None], ops: set[Op]
    ) -> list[Tensor | None]:
        """What is known of a graph's results, by the ops that need be looked at."""
        known: dict[Tensor, Tensor | None] = dict(zip(graph.inputs, given, strict=True))
        for op in [op for op in graph.ops if op in ops]:
            if all(t is None or known.get(t, t) is not None for t in op.inputs):
                inputs = [t and known.get(t, t) for t in op.inputs]
                known.update(
                    zip(op.outputs, self._constants.results(op, inputs) or (), strict=False)
                )
            known.update((t, None) for t in op.outputs if t not in known)
        return [known.get(t, t if t.data is not None else None) for t in graph.outputs]

    def _steps(
        self, loop: Op, operands: Sequence[Tensor], turns: int
    ) -> tuple[list[Op], list[Tensor]]:
        """The ops of all turns, and what the loop puts out."""
        body: Subgraph = loop.options["body_subgraph"]
        scope = body.name.rpartition("/")[0] or body.name
        rows = Rows(Builder(scope), self._has)
        ops: list[Op] = rows.build.ops
        carried = list(operands)
        for turn in range(turns):
            carried = self._turn(body, carried, rows, f"{scope}/step_{turn}")
            if self._count + len(ops) > MOST_OPS:
                each = len(ops) // (turn + 1)
                raise self._too_long(loop, f"{turns} steps of some {each} ops; {_MOST}")
        self._count += len(ops)
        placed = {tensor: op for op in ops for tensor in op.outputs}
        results = [together(rows.build, self._has, placed, tensor) for tensor in carried]
        return ops, results

    def _turn(self, body: Subgraph, carried: list[Tensor], rows: Rows, name: str) -> list[Tensor]:
        """Appends a turn's ops; returns what it carries on."""
        now: dict[Tensor, Tensor] = dict(zip(body.inputs, carried, strict=True))
        for op in body.ops:
            inputs = [t and now.get(t, t) for t in op.inputs]
            ahead = None if op.code in _NOT_AHEAD else self._constants.results(op, inputs)
            row = rows.row(op, inputs) if ahead is None else None
            if ahead is not None:
                now.update(zip(op.outputs, ahead, strict=True))
            elif row is not None:
                now[op.outputs[0]] = row
            elif op.code == "WHILE":
                self._inner(op, inputs, now, rows, name)
            else:
                copied = _copy(op, inputs, body.name, name)
                rows.build.ops.append(copied)
                now.update(zip(op.outputs, copied.outputs, strict=True))
        return [now.get(t, t) for t in body.outputs]

    def _inner(
        self,
        op: Op,
        inputs: list[Tensor | None],
        now: dict[Tensor, Tensor],
        rows: Rows,
        name: str,
    ) -> None:
        """A loop within a turn: written out as well, if it can be counted."""
        operands = [t for t in inputs if t is not None]
        turns = self._turns(op, operands)
        if turns:
            ops, results = self._steps(op, operands, turns)
            rows.build.ops += ops
            now.update(zip(op.outputs, results, strict=True))
            return
        body: Subgraph = op.options["body_subgraph"]
        copied = _copy(op, inputs, body.name, name)
        rows.build.ops.append(copied)
        now.update(zip(op.outputs, copied.outputs, strict=True))

    def _replace(
        self, model: Model, subgraph: Subgraph, loop: Op, ops: list[Op], results: list[Tensor]
    ) -> bool:
        """Puts the steps in the loop's place, unless an output would be another one or an input."""
        ends = [(t, new) for t, new in zip(loop.outputs, results, strict=True)]
        returned = [new for old, new in ends if old in subgraph.outputs]
        taken = {*subgraph.inputs, *(t for t in subgraph.outputs if t not in loop.outputs)}
        distinct = len(set(returned)) == len(returned)
        if not distinct or any(t in taken or t.data is not None for t in returned):
            return False
        place = subgraph.ops.index(loop)
        subgraph.ops[place : place + 1] = ops
        for old, new in ends:
            replace_uses(model, subgraph, old, new)
        return True

    def _too_long(self, loop: Op, what: str) -> NotConvertible:
        return NotConvertible(
            f'The loop "{loop.outputs[0].name}" cannot be written out: {what}.',
            "Pin a shorter length in source.inputs and feed the sequence in pieces"
            " (recurrent.state: explicit), or take targets that have WHILE.",
            self._asked_by,
        )


def _counting(condition: Subgraph, body: Subgraph) -> set[Op]:
    """The ops of a body that decide what its condition reads, at the next turn or later."""
    made = producers(body)
    read = {t for op in condition.ops for t in op.inputs} | {*condition.outputs}
    places = {k for k, t in enumerate(condition.inputs) if t in read}
    needed: set[Op] = set()
    done: set[int] = set()
    while places - done:
        done |= (new := places - done)
        stack = [body.outputs[k] for k in new]
        while stack:
            tensor = stack.pop()
            if tensor in body.inputs:
                places.add(body.inputs.index(tensor))
            elif (op := made.get(tensor)) is not None and op not in needed:
                needed.add(op)
                stack += [t for t in op.inputs if t is not None]
    return needed


def _weight_bytes(body: Subgraph) -> int:
    """The bytes of the matrices that a turn multiplies by."""
    products = [op for op in body.ops if op.code == "FULLY_CONNECTED"]
    return sum(len(t.data) for op in products for t in op.inputs[1:2] if t and t.data)


def _copy(op: Op, inputs: list[Tensor | None], within: str, name: str) -> Op:
    """The op on other operands; its results are named after the step."""
    outputs = []
    for tensor in op.outputs:
        short = tensor.name.removeprefix(f"{within}/")
        new = Tensor(f"{name}/{short}", tensor.dtype, tensor.shape)
        new.quantization, new.extra = tensor.quantization, dict(tensor.extra)
        outputs.append(new)
    copied = Op(op.code, inputs, outputs, dict(op.options), op.options_type, op.version)
    copied.custom, copied.custom_options = op.custom, op.custom_options
    copied.intermediates, copied.extra = list(op.intermediates), dict(op.extra)
    return copied
