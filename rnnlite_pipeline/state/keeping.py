"""The states of one conversion, from the source's graph to the form that the config asks for."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.edit import prune, replace_uses
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.leaks import lift_leaks, stop_leaks
from rnnlite_pipeline.graph.variables import Array, State, add, keep, lift, remove
from rnnlite_pipeline.state.carried import Pair, carried
from rnnlite_pipeline.state.description import Carried, describe, time_axes
from rnnlite_pipeline.state.exposure import exposed, names_of
from rnnlite_pipeline.state.taken_over import (
    keep_on,
    names,
    source_anew,
    source_apart,
    start_anew,
)


class Keeping:
    """Follows a model's states through its conversion.

    Args:
        setting: `recurrent.state`; under `source` the states that the source keeps persist, and
            no others.

    Attributes:
        policy: reset, persist or explicit; known once the source's states are lifted.
        notes: What the user is to know of states that leak in the source (leaks.py).
        said: What the user is to know of states that the source's caller carries (carried.py).
    """

    def __init__(self, setting: str) -> None:
        self._as_source = setting == "source"
        self.policy = setting
        self._setting = setting
        self.notes: list[str] = []
        self.said: list[str] = []
        self._pairs: list[Pair] = []
        self._kept: list[State] = []
        self._exposed: list[State] = []
        self._names: dict[str, str] = {}
        self._time: Mapping[str, int] = {}

    def lift(self, model: Model) -> bool:
        """Makes inputs and outputs of the source's variables; whether there were any.

        Under `reset` they become the constants that they start from. States that leak from call to
        call start anew, unless they are to persist or to be explicit.

        Raises:
            NotConvertible: A variable is used inside a loop or a branch.
        """
        found = lift(model)
        if self._as_source:
            self.policy = "persist" if found else "reset"
        if self._setting in ("source", "reset"):
            self.notes = [_stopped(name, self._setting) for name in stop_leaks(model)]
        else:
            found += lift_leaks(model, self._setting)
        if self.policy == "reset":
            _begin(model, found)
        else:
            self._kept = found
        return bool(found or self.notes)

    def expose(self, model: Model) -> None:
        """Makes inputs and outputs of what is to be kept, after the passes, before it is lowered.

        Raises:
            NotConvertible: A layer has states that cannot go on from call to call, or it is not
                known which output gives back a state that the caller feeds.
        """
        if self._setting in ("reset", "persist"):
            self._take_over(model)
        if self.policy == "reset" and not self._pairs:
            return
        self._time = time_axes(model)
        if self.policy == "reset":
            return
        self._names = names_of(model, self._kept)
        if not self._as_source:
            loops = [c.op for pair in self._pairs for c in pair.carries if c.op.code == "WHILE"]
            self._exposed = exposed(model, self.policy, self._kept, loops)
            if self.policy == "persist" and not self.states:
                self.said.append(
                    "warning: recurrent.state: persist, and no state that could be kept was found"
                )

    def _take_over(self, model: Model) -> None:
        """The states that the source's caller carries (carried.py) become the model's own."""
        found = carried(model, [state.input for state in self._kept])
        self._pairs = found.pairs
        if self._setting == "reset":
            start_anew(model, self._pairs)
            what = "zeros at every call"
        else:
            self._kept += keep_on(model, self._pairs)
            what = "kept from call to call, zeros at first"
        self.said = [
            f'input "{pair.input}" and output "{pair.output}" are the states '
            f"{', '.join(names(pair))}: {what} (recurrent.state: {self._setting})"
            for pair in self._pairs
        ]
        self.said += [f"warning: {reason}" for reason in found.reasons]

    @property
    def states(self) -> list[State]:
        """All that are inputs and outputs of the graph."""
        return [*self._kept, *self._exposed]

    @property
    def first(self) -> dict[str, Array]:
        """For each state input that the source's graph has not, what it starts from."""
        return {state.input: state.initial for state in self._exposed}

    def make_comparable(self, source: Model, result: Model) -> None:
        """Gives the source's graph and the result one interface, both in place.

        1. The source has the inputs that `expose` made of initial states, and does not read them.
        2. The states that its caller carried are taken apart as the result's are, or zeros.
        """
        if self._setting == "reset":
            source_anew(source, result, self._pairs)
        else:
            source_apart(source, self._pairs)
        for state in self._exposed:
            unread = Tensor(state.input, "FLOAT32", (OPEN, *state.initial.shape[1:]))
            source.main.inputs.append(unread)
            source.signatures[0].inputs[state.input] = unread

    def conclude(self, model: Model) -> None:
        """Gives the states their last form, and writes down what they are.

        Raises:
            NotConvertible: States are to persist, and the batch is open.
        """
        states = [_renamed(model, s, self._names.get(s.name, s.name)) for s in self._kept]
        states += self._exposed
        pairs = [Carried(p.input, p.output, tuple(names(p))) for p in self._pairs]
        describe(model, self.policy, states, self._time, pairs)
        for state in states:
            model.signatures[0].outputs[state.output].name = state.output
        if self.policy == "persist":
            for state in states:
                _check_batch(model, state)
            keep(model, states)


def _stopped(name: str, setting: str) -> str:
    note = (
        f"{name}: in the file its state leaks from call to call; here every call starts from zeros"
    )
    return note + ("; recurrent.state: persist keeps it" if setting == "source" else "")


def _begin(model: Model, states: list[State]) -> None:
    """Lets every call start from the first values."""
    for state in states:
        before, _ = remove(model, state)
        replace_uses(model, model.main, before, Tensor.constant(state.name, state.initial))
    prune(model)


def _renamed(model: Model, state: State, name: str) -> State:
    if name == state.name:
        return state
    before, after = remove(model, state)
    renamed = State(name, state.initial)
    add(model, renamed, before, after)
    return renamed


def _check_batch(model: Model, state: State) -> None:
    if OPEN in (model.signatures[0].inputs[state.input].shape or (OPEN,)):
        raise NotConvertible(
            f'recurrent.state: persist, and the batch of "{state.name}" is open; a state that is '
            "kept between calls has a fixed one.",
            "Pin the batch in source.inputs, such as {x: [1, null, 8]}, or set recurrent.state to "
            "explicit.",
            ("recurrent", "state"),
        )
