"""A list of passes runs in order, and each is held to what it promises."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rnnlite_pipeline.errors import BrokenGraph, NotConvertible
from rnnlite_pipeline.graph.build import Builder, make_op
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import Model, Subgraph, Tensor
from rnnlite_pipeline.passes.manager import Pass, Passes, Property, Step, UntilSettled, Watch, run


@dataclass
class Seen(Watch):
    """Notes what it is told."""

    notes: list[str] = field(default_factory=list)

    def applied(self, step: Step, model: Model, changed: bool) -> None:  # noqa: ARG002
        """A pass is done."""
        self.notes.append(f"{step.number} {step.name} {'+' if changed else '='}")

    def skipped(self, step: Step) -> None:
        """A pass was not to run."""
        self.notes.append(f"{step.number} {step.name} -")

    def failed(self, step: Step, model: Model, error: Exception) -> None:  # noqa: ARG002
        """A pass failed."""
        self.notes.append(f"{step.number} {step.name} {type(error).__name__}")


def three_times_negated() -> Model:
    """y = -(-(-x)), with a signature."""
    x, build = Tensor("x", "FLOAT32", (2,)), Builder("n")
    y = build.unary("NEG", build.unary("NEG", build.unary("NEG", x)))
    model = Model([Subgraph("main", [x], [y], build.ops)])
    ensure_signature(model)
    return model


def _drop_first(model: Model, _context: object) -> bool:
    """Takes out the first of several ops."""
    first, *others = model.main.ops
    if not others:
        return False
    others[0].inputs = list(first.inputs)
    model.main.ops = others
    return True


def _nothing(_model: Model, _context: object) -> bool:
    return False


ONE_OP = Property[object]("one op is left", lambda model, _: model.main.ops[1:])
DROP: Pass[object] = Pass("drop-first", _drop_first)


def ran(*passes: Pass[object] | UntilSettled[object]) -> list[str]:
    """What a watch is told of these passes over a fresh graph."""
    seen, listed = Seen(), passes
    checked: Passes[object] = listed
    run(checked, three_times_negated(), None, seen)
    return seen.notes


def test_passes_run_in_order() -> None:
    """Each step has the number of its place; one that is not to run is told as such."""
    no: Pass[object] = Pass("no", _drop_first, when=lambda _model, _context: False)
    assert ran(DROP, no, Pass("none", _nothing)) == ["01 drop-first +", "02 no -", "03 none ="]


def test_a_group_runs_until_a_round_changes_nothing() -> None:
    """Its applications are counted within its place."""
    group = UntilSettled("all", (DROP, Pass("none", _nothing)))
    assert ran(Pass("none", _nothing), group) == [
        "01 none =",
        "02.01 drop-first +",
        "02.02 none =",
        "02.03 drop-first +",
        "02.04 none =",
        "02.05 drop-first =",
        "02.06 none =",
    ]


@pytest.mark.parametrize(
    ("each", "match"),
    [
        (Pass("early", _nothing, requires=(ONE_OP,)), '"before early".*\n.*one op is left: '),
        (Pass("idle", _nothing, ensures=(ONE_OP,)), '"idle".*\n.*one op is left: '),
    ],
)
def test_promises_are_checked(each: Pass[object], match: str) -> None:
    """What a pass requires and ensures must hold, or the pass is named with what contradicts it."""
    with pytest.raises(BrokenGraph, match=match):
        ran(each)


def test_promises_that_hold_pass() -> None:
    """A property that a group of passes brings about is there for the next one."""
    assert ran(UntilSettled("all", (DROP,)), Pass("last", _nothing, requires=(ONE_OP,)))


def test_the_interface_is_checked() -> None:
    """A pass that renames an output is a fault, unless it says that the interface changes."""

    def rename(model: Model, _context: object) -> bool:
        outputs = model.signatures[0].outputs
        outputs["other"] = outputs.pop("n/neg")
        return True

    with pytest.raises(BrokenGraph, match=r"the interface was .*n/neg"):
        ran(Pass("rename", rename))
    assert ran(Pass("rename", rename, keeps_interface=False)) == ["01 rename +"]


def test_the_graph_is_verified() -> None:
    """A pass that leaves a graph out of order is named."""

    def reverse(model: Model, _context: object) -> bool:
        model.main.ops.reverse()
        return True

    with pytest.raises(BrokenGraph, match='The pass "reverse"'):
        ran(DROP, Pass("reverse", reverse))


def test_a_pass_that_raises_is_told() -> None:
    """The watch sees the step that failed; the error goes on as it is."""

    def refuse(model: Model, _context: object) -> bool:
        raise NotConvertible(f"{len(model.main.ops)} ops are too many.")

    seen = Seen()
    with pytest.raises(NotConvertible, match="2 ops"):
        run((DROP, Pass("refuse", refuse), DROP), three_times_negated(), None, seen)
    assert seen.notes == ["01 drop-first +", "02 refuse NotConvertible"]


def test_rules_are_those_of_the_function_named() -> None:
    """A pass tells its rules by the docstring of what it is made of."""
    assert DROP.description == "Takes out the first of several ops."
    assert Pass("other", _nothing, make_op).description.startswith("A builtin op;")
