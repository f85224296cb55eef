"""A rule's reasons and limits; which rule of a table answers for an op."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlite_pipeline.graph.ir import Op
from rnnlite_pipeline.runtimes.rule import (
    Condition,
    Refusal,
    Rule,
    Source,
    Table,
    litert_source,
    plain_rules,
    tflm_source,
    with_rules,
)
from tests.runtimes.small import constant, op_of, value

AT = Source("a/file.cc", "1.0")


def reasons(op: Op, **rule: object) -> list[str]:
    """Why a rule with these limits does not take an op."""
    return list(Rule(op.code, AT, **rule).reasons(op))  # type: ignore[arg-type]


def test_what_is_not_set_is_not_limited() -> None:
    """A rule without limits takes any type, rank, version and operand."""
    op = op_of("ADD", value(dtype="COMPLEX64", shape=(1,) * 9), None)
    op.version = 99
    assert reasons(op) == []
    assert Rule("ADD", AT).limits() == ""


def test_a_refused_op_has_one_reason() -> None:
    """What else does not fit is not told of an op that is never taken."""
    op = op_of("ADD", value(dtype="INT8"))
    assert reasons(op, refused="never", dtypes=("FLOAT32",)) == ["never"]


@pytest.mark.parametrize(("version", "taken"), [(3, True), (4, True), (5, False)])
def test_versions_up_to_the_highest_are_taken(version: int, taken: bool) -> None:
    """The limit itself is taken; the reason names both versions."""
    op = op_of("ADD", value())
    op.version = version
    found = reasons(op, version=4)
    assert found == ([] if taken else ["it has version 5; up to version 4 is taken"])


def test_types_and_ranks_are_those_of_the_operand_with_the_values() -> None:
    """Operand 1 of SPLIT is looked at where the rule says so, and operand 0 else."""
    axis, x = constant("axis", 1), value(dtype="FLOAT32", shape=(1, 2, 3))
    split = op_of("SPLIT", axis, x)
    assert reasons(split, data=1, dtypes=("FLOAT32",), ranks=(3, 4)) == []
    assert reasons(split, dtypes=("FLOAT32", "INT8"), ranks=(1, 2)) == [
        "int32 is not taken, only float32, int8",
        "a tensor of rank 0 is not taken, only ranks 1 to 2",
    ]


@pytest.mark.parametrize(
    ("rank", "ranks", "said"),
    [
        (2, (3, 4), "only ranks 3 to 4"),
        (3, (3, 4), ""),
        (4, (3, 4), ""),
        (5, (3, 4), "only ranks 3 to 4"),
        (1, (2, 2), "only rank 2"),
    ],
)
def test_both_ends_of_a_range_of_ranks_are_taken(
    rank: int, ranks: tuple[int, int], said: str
) -> None:
    """A tensor below or above is refused."""
    found = reasons(op_of("SLICE", value(shape=(1,) * rank)), ranks=ranks)
    assert [each.partition("taken, ")[2] for each in found] == ([said] if said else [])


def test_an_unknown_rank_and_a_missing_operand_are_no_reason() -> None:
    """What the file does not tell is not refused by a limit of ranks or types."""
    limits = {"dtypes": ("FLOAT32",), "ranks": (1, 4), "data": 1}
    assert reasons(op_of("ADD", value(), value(shape=None)), **limits) == []
    assert reasons(op_of("ADD", value(), None), **limits) == []
    assert reasons(op_of("ADD", value()), **limits) == []


def test_operands_that_must_be_constants_are_named() -> None:
    """One that is computed is refused; one that is left out is not."""
    op = op_of("PAD", value(), value("sizes", "INT32"))
    assert reasons(op, constant=(1, 2)) == ["its operand 1 (sizes) must be a constant"]
    assert reasons(op_of("PAD", value(), constant("sizes", [0])), constant=(1,)) == []


def test_operands_that_must_be_absent_are_told_once_for_each_purpose() -> None:
    """Three peephole operands are one reason."""
    absent = ((1, "a peephole"), (2, "a peephole"), (3, "a projection"))
    op = op_of("LSTM", value(), value(), value(), value())
    assert reasons(op, absent=absent) == ["a peephole is not taken", "a projection is not taken"]
    assert reasons(op_of("LSTM", value(), None, None), absent=absent) == []


def test_conditions_that_do_not_hold_are_reasons() -> None:
    """Each gives its own reason, in order."""
    conditions = tuple(
        Condition(text, holds)
        for text, holds in (
            ("first", lambda _: False),
            ("second", lambda _: True),
            ("third", lambda op: op.code != "ADD"),
        )
    )
    assert reasons(op_of("ADD", value()), conditions=conditions) == ["first", "third"]


def test_all_limits_stand_in_one_line() -> None:
    """Every limit of a rule is told in a table, each purpose of absent operands once."""
    rule = Rule(
        "LSTM",
        AT,
        version=4,
        dtypes=("FLOAT32", "INT8"),
        ranks=(2, 3),
        constant=(1, 5),
        absent=((9, "a peephole"), (10, "a peephole")),
        conditions=(Condition("coupled gates", lambda _: True),),
    )
    assert rule.limits() == (
        "version up to 4; float32, int8; rank 2 to 3; operand 1 constant; operand 5 constant; "
        "no a peephole; refused: coupled gates"
    )


TABLE = Table(
    AT,
    (Rule("ADD", AT), Rule("MUL", AT, refused="slow")),
    others="not listed",
    customs=frozenset({"Known"}),
)


@pytest.mark.parametrize(
    ("code", "custom", "said"),
    [
        ("ADD", False, []),
        ("MUL", False, ["slow"]),
        ("SUB", False, ["not listed"]),
        ("Known", True, []),
        ("ADD", True, ["it is a custom op, and this runtime brings no kernel for it"]),
    ],
)
def test_a_table_answers_for_every_op(code: str, custom: bool, said: list[str]) -> None:
    """By the op's rule; a custom op only by its name, also where a builtin has the same one."""
    assert list(TABLE.reasons(op_of(code, value(), custom=custom))) == said


def test_a_table_of_what_is_refused_takes_all_else() -> None:
    """Where `others` is empty, an op that is not listed is taken."""
    assert list(Table(AT, TABLE.rules).reasons(op_of("SUB", value()))) == []
    assert TABLE.rule("SUB") is None


def test_a_special_rule_takes_the_place_of_a_plain_one() -> None:
    """The rules stay one for each op, sorted by name; a special one may be new."""
    found = with_rules(
        plain_rules("SUB ADD\nMUL", AT), Rule("MUL", AT, version=2), Rule("ABS", AT, version=1)
    )
    assert [(rule.op, rule.version) for rule in found] == [
        ("ABS", 1),
        ("ADD", None),
        ("MUL", 2),
        ("SUB", None),
    ]


def test_sources_and_refusals_as_text() -> None:
    """A refusal names tensor, op and reason; a source its file and version."""
    assert str(Refusal("ADD", "layer/y", "slow")) == "layer/y: ADD: slow"
    assert str(AT) == "a/file.cc @ 1.0"


@pytest.mark.parametrize(
    ("made", "repository"),
    [(litert_source, "google-ai-edge/LiteRT"), (tflm_source, "tensorflow/tflite-micro")],
)
def test_a_source_of_a_repository_tells_its_commit(
    made: Callable[[str], Source], repository: str
) -> None:
    """The repository before the path; a commit of 12 digits and its date as the version."""
    source = made("a/b.cc")
    commit, date = source.version.split(", ")
    assert source.at == f"{repository} a/b.cc"
    assert (len(commit), len(date)) == (12, 10)
    assert int(commit, 16) > 0
