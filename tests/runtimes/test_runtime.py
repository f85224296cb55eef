"""A runtime's verdict: which graphs it looks at, and what its text says."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph
from rnnlite_pipeline.runtimes.rule import Demand, Refusal, Rule, Source, Table
from rnnlite_pipeline.runtimes.runtime import Runtime, Verdict
from tests.runtimes.small import model_of, op_of, value

AT = Source("a/file.cc", "1.0")


def runtime(*refused: str, demands: tuple[Demand, ...] = ()) -> Runtime:
    """One that refuses some ops and takes all others."""
    rules = tuple(Rule(code, AT, refused="no") for code in refused)
    return Runtime("r", "what", "by table", "how", lambda: Table(AT, rules, demands))


def inside(name: str, code: str) -> Subgraph:
    """A graph of one op."""
    return Subgraph(name, [], [], [op_of(code, value(), gives=value(f"{name}/y"))])


def a_loop() -> tuple[Op, list[Subgraph]]:
    """A loop, and its two graphs."""
    graphs = [inside("cond", "LESS"), inside("body", "MUL")]
    loop = op_of("WHILE", value(), gives=value("loop"), cond_subgraph=graphs[0])
    loop.options["body_subgraph"] = graphs[1]
    return loop, graphs


def refused(judge: Runtime, model: Model) -> list[tuple[str, str]]:
    """Op and tensor of each refusal."""
    return [(each.op, each.name) for each in judge.judge(model).refusals]


def test_the_graphs_of_a_loop_that_is_taken_are_looked_at() -> None:
    """An op of its body is named; of a loop that is refused itself, the loop alone is."""
    loop, graphs = a_loop()
    model = model_of(loop, others=graphs)
    assert refused(runtime("MUL"), model) == [("MUL", "body/y")]
    assert refused(runtime("MUL", "WHILE"), model) == [("WHILE", "loop")]


def test_a_graph_that_nothing_runs_is_not_looked_at() -> None:
    """A signature's graph is; one that no op and no signature names is not."""
    model = model_of(op_of("ADD", value()), others=[inside("reset", "MUL"), inside("dead", "MUL")])
    model.signatures = [Signature("reset", model.subgraphs[1], {}, {})]
    assert refused(runtime("MUL"), model) == [("MUL", "reset/y")]


def test_one_refusal_is_told_once() -> None:
    """A graph that two ops run, or that a signature names as well, is looked at once."""
    loop, graphs = a_loop()
    again, _ = a_loop()
    again.options = dict(loop.options)
    model = model_of(loop, again, others=graphs)
    model.signatures = [Signature("main", model.main, {}, {})]
    assert refused(runtime("MUL"), model) == [("MUL", "body/y")]


def test_an_op_without_results_has_its_graphs_name() -> None:
    """ASSIGN_VARIABLE has no result to be named by."""
    op = op_of("ASSIGN_VARIABLE", value())
    op.outputs = []
    model = model_of(op)
    assert refused(runtime("ASSIGN_VARIABLE"), model) == [("ASSIGN_VARIABLE", "main")]


def test_demands_come_before_ops() -> None:
    """What the whole model does not meet is told first."""

    def no_inputs(model: Model) -> Iterator[Refusal]:
        yield from (Refusal("INPUT", t.name, "no inputs") for t in model.main.inputs)

    model = model_of(op_of("MUL", value()), inputs=[value("a"), value("b")])
    found = refused(runtime("MUL", demands=(Demand("none", AT, no_inputs),)), model)
    assert found == [("INPUT", "a"), ("INPUT", "b"), ("MUL", "y")]


def test_the_table_is_read_once_and_late() -> None:
    """Reading may ask a package that is installed: not before somebody wants the table."""
    read = []

    def table() -> Table:
        read.append(1)
        return Table(AT, ())

    made = Runtime("r", "what", "run", "how", table)
    assert read == []
    assert made.table is made.table
    assert read == [1]


def test_a_verdict_groups_what_has_one_reason() -> None:
    """Refusals of one op for one reason are one line, which names some and counts others."""
    found = [Refusal("ADD", name, "slow") for name in "abcd"]
    found.insert(1, Refusal("ADD", "e", "wide"))
    verdict = Verdict("r", "run", (*found, Refusal("MUL", "f", "slow")))
    assert not verdict.takes
    assert verdict.lines(most=2) == [
        "ADD (a, b and 2 more): slow",
        "ADD (e): wide",
        "MUL (f): slow",
    ]
    assert verdict.lines(most=4)[0] == "ADD (a, b, c, d): slow"
    assert str(verdict).splitlines()[:2] == [
        "r: does not take the model",
        "  ADD (a, b, c and 1 more): slow",
    ]


def test_a_verdict_without_refusals_takes_the_model() -> None:
    """Its text says that the table is what it comes from."""
    verdict = runtime().judge(model_of(op_of("ADD", value())))
    assert verdict.takes
    assert str(verdict) == "r: takes the model by its table"
    assert (verdict.target, verdict.held) == ("r", "by table")
