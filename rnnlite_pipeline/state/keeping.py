"""The states of one conversion, from the source's graph to the form that the config asks for."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.edit import prune, replace_uses
from rnnlite_pipeline.graph.ir import OPEN, Model, Tensor
from rnnlite_pipeline.graph.leaks import lift_leaks, stop_leaks
from rnnlite_pipeline.graph.variables import Array, State, add, keep, lift, remove
from rnnlite_pipeline.state.description import describe, time_axes
from rnnlite_pipeline.state.exposure import exposed, names_of


class Keeping:
    """Follows a model's states through its conversion.

    Args:
        setting: `recurrent.state`; under `source` the states that the source keeps persist, and
            no others.

    Attributes:
        policy: reset, persist or explicit; known once the source's states are lifted.
        notes: What the user is to know of states that leak in the source (leaks.py).
    """

    def __init__(self, setting: str) -> None:
        self._as_source = setting == "source"
        self.policy = setting
        self._setting = setting
        self.notes: list[str] = []
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
            NotConvertible: A layer has states that cannot go on from call to call.
        """
        if self.policy == "reset":
            return
        self._time = time_axes(model)
        self._names = names_of(model, self._kept)
        if not self._as_source:
            self._exposed = exposed(model, self.policy, self._kept)

    @property
    def states(self) -> list[State]:
        """All that are inputs and outputs of the graph."""
        return [*self._kept, *self._exposed]

    @property
    def first(self) -> dict[str, Array]:
        """For each state input that the source's graph has not, what it starts from."""
        return {state.input: state.initial for state in self._exposed}

    def accepted(self, source: Model) -> Model:
        """The source's graph with the inputs that `expose` made; it does not read them."""
        for state in self._exposed:
            unread = Tensor(state.input, "FLOAT32", (OPEN, *state.initial.shape[1:]))
            source.main.inputs.append(unread)
            source.signatures[0].inputs[state.input] = unread
        return source

    def conclude(self, model: Model) -> None:
        """Gives the states their last form, and writes down what they are.

        Raises:
            NotConvertible: States are to persist, and the batch is open.
        """
        states = [_renamed(model, s, self._names.get(s.name, s.name)) for s in self._kept]
        states += self._exposed
        describe(model, self.policy, states, self._time)
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
