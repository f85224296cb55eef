"""Vela's list of ops as a table, on machines with and without Vela."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from rnnlite_pipeline.graph.ir import Op, Tensor
from rnnlite_pipeline.runtimes import ethos_u
from rnnlite_pipeline.runtimes.rule import Table
from tests.runtimes.small import constant, model_of, op_of, value


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, Table]:
    """The tables of a machine without Vela, by architecture."""
    monkeypatch.setattr(ethos_u, "constraints", lambda _: None)
    return {name: ethos_u._table(name) for name in ("EthosU55", "EthosU85")}


def taken(table: Table, op: Op) -> bool:
    """Whether a table takes an op."""
    return not list(table.reasons(op))


INT8 = value(dtype="INT8")


@pytest.mark.parametrize(
    ("op", "u55", "u85"),
    [
        (op_of("ADD", INT8, gives=value("y", "INT8")), True, True),
        (op_of("ADD", value(dtype="INT64"), gives=value("y", "INT8")), False, False),
        (op_of("REVERSE_V2", INT8, gives=value("y", "INT8")), False, True),
        (op_of("CAST", INT8, gives=value("y", "INT8")), False, True),
        (op_of("CAST", INT8, gives=value("y", "FLOAT32")), False, False),
        (op_of("LOGICAL_NOT", value(dtype="BOOL"), gives=value("y", "BOOL")), False, True),
        (op_of("SPLIT", constant("a", 1), INT8, gives=value("y", "INT8")), True, True),
        (op_of("SPLIT", constant("a", 1), value(), gives=value("y", "INT8")), False, False),
        (op_of("CALL_ONCE", gives=value("y", "INT8")), True, True),
        (op_of("VAR_HANDLE", gives=value("y", "RESOURCE")), False, True),
        (op_of("READ_VARIABLE", value(dtype="RESOURCE")), False, True),
        (op_of("ASSIGN_VARIABLE", value(dtype="RESOURCE"), INT8), False, True),
        (op_of("ASSIGN_VARIABLE", value(dtype="RESOURCE"), value()), False, False),
        (op_of("ADD", INT8, value("s", "INT8", ()), gives=value("y", "INT8")), False, False),
        (op_of("ADD", INT8, constant("c", 1, "INT8"), gives=value("y", "INT8")), True, True),
        (op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", INT8, INT8), True, True),
        (op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", INT8, None), False, False),
        (op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", value(), INT8), False, False),
        (op_of("WHILE", INT8, gives=value("y", "INT8")), False, False),
    ],
)
def test_single_ops(tables: dict[str, Table], op: Op, u55: bool, u85: bool) -> None:
    """Types, operands and results that each architecture takes, by the list of Vela 5.2.0."""
    assert taken(tables["EthosU55"], op) == u55
    assert taken(tables["EthosU85"], op) == u85
    assert all("5.2.0" in table.source.version for table in tables.values())


def test_a_state_that_is_read_is_refused(tables: dict[str, Table]) -> None:
    """Vela orders that read before the op; a fused LSTM whose state nobody reads is taken."""
    state = Tensor("state", "INT8", (1, 4), is_variable=True)
    inputs = [INT8, INT8, *[None] * 17, state]
    lstm = op_of("UNIDIRECTIONAL_SEQUENCE_LSTM", *inputs)
    reader = op_of("ADD", state, gives=value("z", "INT8"))
    (demand,) = (each for each in tables["EthosU55"].demands if "last cell" in each.says)
    assert [r.op for r in demand.refusals(model_of(lstm, reader))] == [lstm.code]
    assert list(demand.refusals(model_of(lstm))) == []


def vela(monkeypatch: pytest.MonkeyPatch, **members: object) -> None:
    """Puts a Vela of these members where it is looked for."""
    package = ModuleType("ethosu")
    package.__dict__.update(members)
    monkeypatch.setitem(sys.modules, "ethosu", package)
    monkeypatch.delitem(sys.modules, "ethosu.regor", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: package)


def test_the_list_of_an_installed_vela_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ops under the schema's names; one that takes no values of 32 bits says so."""

    class Regor:
        @staticmethod
        def tflite_operator_constraints(architecture: str) -> dict[str, list[str]]:
            assert architecture == "EthosU55"
            return {"ARGMAX": [], "ADD": ["32-bit feature-maps are not supported."]}

    vela(monkeypatch, regor=Regor)
    monkeypatch.setattr(ethos_u, "version", lambda _: "9.9")
    table = ethos_u._table("EthosU55")
    assert [rule.op for rule in table.rules] == ["ADD", "ARG_MAX", "CALL_ONCE"]
    assert (table.source.version, table.others) == ("9.9", "Vela 9.9 leaves it to the CPU")
    wide = {
        code: op_of(code, value(dtype="INT32"), gives=value("y", "INT32"))
        for code in ("ADD", "ARG_MAX")
    }
    assert not taken(table, wide["ADD"])
    assert taken(table, wide["ARG_MAX"])


def test_a_vela_without_the_list_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases before 5.0 have no regor; nor is there a list without the package."""
    vela(monkeypatch)
    assert ethos_u.constraints("EthosU55") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert ethos_u.constraints("EthosU55") is None
