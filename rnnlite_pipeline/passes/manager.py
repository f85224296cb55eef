"""Runs a list of passes over a graph, and holds each to what it promises.

Before a pass its `requires` are checked, after it its `ensures`, that the model's interface is
what it was, and that the graph is valid (graph/check.py). What fails there is a fault of this
package, and names the pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Generic, TypeVar

from rnnlite_pipeline.errors import BrokenGraph
from rnnlite_pipeline.graph.check import Verifier
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.steps import step

#: What the passes of one list know and leave besides the graph.
C = TypeVar("C")

#: A pass that asks for nothing but the graph: changes it in place, and returns whether it did.
Transform = Callable[[Model], bool]


@dataclass(frozen=True)
class Property(Generic[C]):
    """Something that is true of a graph from one pass on.

    Attributes:
        says: It, as one sentence without its full stop.
        breaches: What contradicts it, one entry each; empty where it holds.
    """

    says: str
    breaches: Callable[[Model, C], Iterable[object]]


@dataclass(frozen=True)
class Pass(Generic[C]):
    """One step of a conversion.

    Attributes:
        name: In lower case, with hyphens.
        apply: Changes the graph in place. Returns False only if the graph is as it was.
        rules: The function or module whose docstring tells what the pass does, as numbered rules;
            `apply` itself where None.
        requires: What must hold before.
        ensures: What holds after.
        when: Whether the pass is to run at all.
        keeps_interface: Whether the names and dtypes of the model's inputs and outputs stay.
    """

    name: str
    apply: Callable[[Model, C], bool]
    rules: Callable[..., object] | ModuleType | None = None
    requires: tuple[Property[C], ...] = ()
    ensures: tuple[Property[C], ...] = ()
    when: Callable[[Model, C], bool] = lambda _model, _context: True
    keeps_interface: bool = True

    @property
    def description(self) -> str:
        """What the pass does, as numbered rules."""
        return inspect.getdoc(self.rules or self.apply) or ""


@dataclass(frozen=True)
class UntilSettled(Generic[C]):
    """Passes that are run in turn, again and again, until a whole round changes nothing.

    Attributes:
        name: Of the whole.
        passes: In the order of a round.
    """

    name: str
    passes: tuple[Pass[C], ...]


#: A list of passes, to be read from top to bottom.
Passes = Sequence[Pass[C] | UntilSettled[C]]


def alone(transform: Transform, **promises: tuple[Property[C], ...]) -> Pass[C]:
    """The pass of a function that asks for nothing but the graph, named after it."""

    def apply(model: Model, _context: C) -> bool:
        return transform(model)

    name = transform.__name__.replace("_", "-")
    return Pass(name, apply, transform, **promises)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Step:
    """One application of a pass.

    Attributes:
        number: The place in the list, from "01"; "07.02" for the second application within the
            seventh entry.
        name: The pass.
    """

    number: str
    name: str


class Watch:
    """Sees the graph between passes; this one looks away."""

    def begun(self, model: Model) -> None:
        """The graph before the first pass."""

    def applied(self, step: Step, model: Model, changed: bool) -> None:
        """A pass is done; `changed` is what it says of itself."""

    def skipped(self, step: Step) -> None:
        """A pass was not to run."""

    def failed(self, step: Step, model: Model, error: Exception) -> None:
        """A pass raised, or broke a promise; the graph is as it was left."""


def run(passes: Passes[C], model: Model, context: C, watch: Watch | None = None) -> None:
    """Applies a list of passes, in place.

    Args:
        passes: In order.
        model: Changed in place.
        context: What the passes know and leave besides the graph.
        watch: Told of each step.

    Raises:
        BrokenGraph: A pass broke a promise, or left a graph that is not valid.
    """
    runner = _Runner(model, context, watch or Watch())
    for number, each in enumerate(passes, start=1):
        step(each.name, number, len(passes))
        runner.entry(f"{number:02}", each)


class _Runner(Generic[C]):
    def __init__(self, model: Model, context: C, watch: Watch) -> None:
        self._model, self._context, self._watch = model, context, watch
        self._verify = Verifier(model)
        watch.begun(model)

    def entry(self, number: str, each: Pass[C] | UntilSettled[C]) -> None:
        if isinstance(each, Pass):
            self._apply(Step(number, each.name), each)
            return
        changed, count = True, 0
        while changed:
            changed = False
            for inner in each.passes:
                count += 1
                changed |= self._apply(Step(f"{number}.{count:02}", inner.name), inner)

    def _apply(self, step: Step, each: Pass[C]) -> bool:
        model, context = self._model, self._context
        if not each.when(model, context):
            self._watch.skipped(step)
            return False
        before = interface(model) if each.keeps_interface else None
        try:
            _hold(f"before {each.name}", each.requires, model, context)
            changed = each.apply(model, context)
            self._verify(model, each.name)
            if before is not None and interface(model) != before:
                raise BrokenGraph(each.name, [f"the interface was {before}"])
            _hold(each.name, each.ensures, model, context)
        except Exception as error:
            self._watch.failed(step, model, error)
            raise
        self._watch.applied(step, model, changed)
        return changed


def interface(model: Model) -> list[tuple[str, list[tuple[str, str]], list[tuple[str, str]]]]:
    """Each signature's key, and the names and dtypes of its inputs and outputs."""
    return [
        (
            signature.key,
            [(name, tensor.dtype) for name, tensor in signature.inputs.items()],
            [(name, tensor.dtype) for name, tensor in signature.outputs.items()],
        )
        for signature in model.signatures
    ]


def _hold(where: str, properties: Iterable[Property[C]], model: Model, context: C) -> None:
    broken = list(_breaches(properties, model, context))
    if broken:
        raise BrokenGraph(where, broken)


def _breaches(properties: Iterable[Property[C]], model: Model, context: C) -> Iterator[str]:
    for each in properties:
        found = list(each.breaches(model, context))
        if found:
            yield f"it is not true that {each.says}: {', '.join(map(str, found))}"
