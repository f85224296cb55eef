"""States that the caller carried (carried.py), taken over by the model.

1. `reset`: they start from zeros at every call; their inputs and outputs go.
2. `persist`: they go from call to call, from zeros at first. An input that only recurrences read
   is taken apart into their states; any other one is kept as it is, states packed as they are.
3. The source's graph, for the comparison, gets the interface of the converted one: what packs and
   unpacks its states is written from the numbers of the elements, and not copied from either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import Builder
from rnnlite_pipeline.graph.edit import prune, replace_uses
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.variables import State, add
from rnnlite_pipeline.state.carried import Pair

#: Where `recurrent.state` stands in a config.
_SETTING = ("recurrent", "state")


def start_anew(model: Model, pairs: Sequence[Pair]) -> None:
    """Rule 1.

    Raises:
        NotConvertible: Nothing tells how many zeros there are, or no output is left.
    """
    _drop(model, pairs)
    for pair in pairs:
        if pair.alone:
            for carry in pair.carries:
                carry.op.inputs[carry.place] = None
            continue
        zeros = np.zeros(_closed(pair, "reset"), np.float32)
        replace_uses(model, model.main, pair.before, Tensor.constant(pair.input, zeros))
    prune(model)


def keep_on(model: Model, pairs: Sequence[Pair]) -> list[State]:
    """Rule 2; the states are inputs and outputs of the graph then, as all that are kept.

    Raises:
        NotConvertible: The batch of a state is open, or no output is left.
    """
    shapes = [_closed(pair, "persist") for pair in pairs]
    _drop(model, pairs)
    states = []
    for pair, shape in zip(pairs, shapes, strict=True):
        if not pair.alone:
            states.append(State(pair.input, np.zeros(shape, np.float32)))
            add(model, states[-1], pair.before, pair.after)
            continue
        for carry, state in zip(pair.carries, _apart(pair), strict=True):
            states.append(state)
            given = Tensor(state.input, "FLOAT32", state.initial.shape)
            carry.op.inputs[carry.place] = given
            add(model, state, given, carry.after[0])
    prune(model)
    return states


def names(pair: Pair) -> list[str]:
    """What the states of a pair are called."""
    return [carry.state for carry in pair.carries] if pair.alone else [pair.input]


def source_anew(source: Model, result: Model, pairs: Sequence[Pair]) -> None:
    """Rule 3 for `reset`: the source reads zeros, and the result has the same inputs, unread."""
    for pair in pairs:
        before, _ = _taken(source, pair)
        build = Builder(pair.input)
        zeros = build.op("ZEROS_LIKE", [before], before.dtype, before.shape)
        replace_uses(source, source.main, before, zeros)
        source.main.ops = [*build.ops, *source.main.ops]
        for model in (source, result):
            unread = before if model is source else Tensor(pair.input, "FLOAT32", before.shape)
            model.main.inputs.append(unread)
            model.signatures[0].inputs[pair.input] = unread


def source_apart(source: Model, pairs: Sequence[Pair]) -> None:
    """Rule 3 for `persist`."""
    main = source.main
    for pair in pairs:
        before, after = _taken(source, pair)
        if not pair.alone:
            add(source, State(pair.input, np.zeros(before.shape or (), np.float32)), before, after)
            continue
        states = list(_apart(pair))
        packing, unpacking = Builder(pair.input), Builder(pair.output)
        given = [Tensor(s.input, "FLOAT32", s.initial.shape) for s in states]
        rows = [packing.reshape(t, [s.initial.size]) for t, s in zip(given, states, strict=True)]
        every = packing.concatenate(rows, 0) if len(rows) > 1 else rows[0]
        order = np.argsort(np.concatenate(pair.numbers))
        taken = packing.gather(every, packing.indices(order.tolist()))
        replace_uses(source, main, before, packing.reshape(taken, before.shape or ()))
        flat = unpacking.reshape(after, [len(order)])
        results = [
            unpacking.reshape(
                unpacking.gather(flat, unpacking.indices(numbers.tolist())), state.initial.shape
            )
            for state, numbers in zip(states, pair.numbers, strict=True)
        ]
        main.ops = [*packing.ops, *main.ops, *unpacking.ops]
        for state, old, new in zip(states, given, results, strict=True):
            add(source, state, old, new)


def _apart(pair: Pair) -> Iterator[State]:
    for carry, numbers in zip(pair.carries, pair.numbers, strict=True):
        yield State(carry.state, np.zeros((numbers.size // carry.width, carry.width), np.float32))


def _drop(model: Model, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        _taken(model, pair)
    if pairs and not model.main.outputs:
        raise NotConvertible(
            "Every output of the model is a state that its caller carries; without these it has"
            " none.",
            "Set recurrent.state to source, or give the model an output.",
            _SETTING,
        )


def _taken(model: Model, pair: Pair) -> tuple[Tensor, Tensor]:
    """Takes a pair away from the interface; gives its tensors."""
    signature = model.signatures[0]
    before, after = signature.inputs.pop(pair.input), signature.outputs.pop(pair.output)
    model.main.inputs.remove(before)
    model.main.outputs.remove(after)
    return before, after


def _closed(pair: Pair, setting: str) -> tuple[int, ...]:
    shape = pair.before.shape or ()
    if OPEN in shape:
        raise NotConvertible(
            f'recurrent.state: {setting}, and the input "{pair.input}", which holds states, has an '
            "open dimension; a state that the model keeps has a fixed shape.",
            "Pin the batch in source.inputs, such as {x: [1, null, 8]}, or set recurrent.state to "
            "source, so that the caller feeds the states.",
            _SETTING,
        )
    return shape
