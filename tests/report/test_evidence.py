"""The results of a verification as plain values, and their JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.report.evidence import Accuracy, Check, Evidence, Facts, Held


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"detail": "x", "remedy": "do it", "call": 1}, {"detail": "x", "call": 1}),
        ({"max_abs_error": 0.0, "limit": math.inf}, {"max_abs_error": 0.0, "limit": "inf"}),
        ({"snr_db": -math.inf, "scale": math.nan}, {"snr_db": "-inf", "scale": "nan"}),
        ({"batch": (2, 1)}, {"batch": (2, 1)}),
    ],
)
def test_the_json_of_a_check(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Empty fields are left out, zeros kept; JSON has no infinity, so it is text."""
    told = Check("c", True, **fields).as_json()
    assert told == {"name": "c", "passed": True, **expected}
    json.dumps(told, allow_nan=False)


def test_only_a_failed_check_tells_its_remedy() -> None:
    """There is nothing to do about one that passed."""
    assert Check("c", False, remedy="do it").as_json()["remedy"] == "do it"
    assert "remedy" not in Check("c", True, remedy="do it").as_json()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "c"),
        ({"detail": "too slow"}, "c: too slow"),
        ({"asked": "p.yaml:7", "detail": "d"}, "p.yaml:7: c: d"),
        (
            {"output": "y", "data": "zeros", "batch": (1, 3), "call": 2, "kernels": "default"},
            'c (output "y", "zeros" input, batch 1, 3, call 2, default kernels)',
        ),
        ({"max_abs_error": 0.5, "limit": 0.25}, "c: error 0.5, at most 0.25 passes"),
        (
            {"max_abs_error": 0.5, "limit": 0.25, "scale": 2.0},
            "c: error 0.5 (0.25 of its scale), at most 0.25 passes",
        ),
        ({"max_abs_error": 0.5}, "c"),
        ({"max_abs_error": math.inf, "limit": 0.1}, "c: error inf, at most 0.1 passes"),
        ({"scale": 0.0, "max_abs_error": 1.0, "limit": 0.0}, "c: error 1, at most 0 passes"),
        (
            {"detail": "d", "snr_db": 3.0, "min_snr_db": 10.0},
            "c: d; signal to noise 3 dB, at least 10 passes",
        ),
    ],
)
def test_a_check_in_words(fields: dict[str, Any], said: str) -> None:
    """Where it was, what was found, and what passes; no colon without words behind it."""
    assert str(Check("c", False, **fields)) == said


def test_the_json_of_facts_has_what_is_known() -> None:
    """Targets by name, each with its reasons, also where there are none."""
    facts = Facts("m", targets={"litert": Held("run", takes=True, npu_share=0.0)})
    assert facts.as_json() == {
        "name": "m",
        "tolerance": 0.0,
        "min_snr_db": 0.0,
        "targets": {"litert": {"held": "run", "takes": True, "npu_share": 0.0, "reasons": []}},
    }
    assert "targets" not in Facts("m").as_json()


def evidence(*checks: Check) -> Evidence:
    """A verification with these checks."""
    return Evidence(Facts("m"), list(checks))


COMPARED = Check("c", True, call=1, max_abs_error=0.0, limit=0.1)


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (evidence(), False),
        (evidence(Check("gate", True)), False),
        (evidence(Check("c", True, max_abs_error=1.0, rounding=1.0)), False),
        (evidence(COMPARED), True),
        (evidence(COMPARED, Check("gate", False)), False),
        (Evidence(Facts("m"), [COMPARED], broken_off="the disk is full"), False),
    ],
    ids=["nothing", "not compared", "extreme input alone", "compared", "gate", "broken off"],
)
def test_a_model_passes_that_was_compared_and_failed_nothing(found: Evidence, passed: bool) -> None:
    """Verification fails closed: what was not compared is not verified."""
    assert found.passed == passed
    assert found.as_json()["passed"] == passed


def test_the_worst_check_is_not_of_extreme_input() -> None:
    """The first of equal ones; an infinite error is the largest."""
    checks = [
        Check("a", True, max_abs_error=0.5),
        Check("b", True, max_abs_error=0.5),
        Check("c", True, max_abs_error=9.0, rounding=0.0),
        Check("d", True),
    ]
    found = evidence(*checks)
    assert found.worst is checks[0]
    found.checks.append(Check("e", False, max_abs_error=math.inf))
    assert found.max_abs_error == math.inf
    assert found.as_json()["max_abs_error"] == "inf"
    assert evidence(Check("gate", True)).worst is None


def test_of_each_output_on_each_input_the_worst_run_is_the_headline() -> None:
    """Checks that passed are none; those of another name, input or output stand alone."""
    run: dict[str, Any] = {"data": "d", "output": "y"}
    checks = [
        Check("c", False, **run, max_abs_error=1.0),
        Check("c", False, **run, max_abs_error=2.0),
        Check("c", False, **run, max_abs_error=0.5),
        Check("c", True, **run, max_abs_error=9.0),
        Check("c", False, **run | {"output": "z"}),
        Check("gate", False),
        Check("gate", False, "the second of one name"),
    ]
    found = evidence(*checks)
    assert found.headlines == [checks[1], checks[4], checks[5]]
    assert found.failed == [*checks[:3], *checks[4:]]


def test_decisions_are_flat_class_numbers() -> None:
    """Labels, source and model, [N, T, C] as one list of N * T classes."""
    found = evidence()
    source = np.eye(3, dtype=np.float32)[[[0, 1], [2, 0]]]
    model = np.eye(3, dtype=np.float32)[[[0, 1], [1, 0]]]
    found.profiles["y"], found.labels["y"] = (source, model), np.array([[0, 1], [2, 2]])
    labels, theirs, ours = found.decisions("y")
    assert (labels.tolist(), theirs.tolist(), ours.tolist()) == (
        [0, 1, 2, 2],
        [0, 1, 2, 0],
        [0, 1, 1, 0],
    )
    assert labels.dtype == theirs.dtype == ours.dtype == np.int64


def test_the_json_of_a_verification() -> None:
    """Why it broke off is told only where it did."""
    found = evidence(COMPARED)
    found.accuracy.append(Accuracy("y", "default", 4, 1.0, 0.75))
    found.skipped["large"] = "no memory"
    told = found.as_json()
    assert told["accuracy"] == [
        {"output": "y", "kernels": "default", "samples": 4, "source": 1.0, "litert": 0.75}
    ]
    assert told["skipped"] == {"large": "no memory"}
    assert "broken_off" not in told
    assert evidence().as_json()["max_abs_error"] is None
    assert Evidence(Facts("m"), broken_off="x").as_json()["broken_off"] == "x"
