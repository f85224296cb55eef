"""The check that a model is right in every interpreter: what its process told."""

from __future__ import annotations

import json

import pytest

from rnnlite_pipeline.verify import every_interpreter
from rnnlite_pipeline.verify.every_interpreter import NAME
from rnnlite_pipeline.verify.interpreters import Found, Plan


def test_a_crash_is_a_failed_check() -> None:
    """A process that ends by a signal has failed the check; nothing else of the stage is lost."""
    (check,) = every_interpreter._checks({}, "crashed with SIGSEGV")
    assert not check.passed
    assert check.name == NAME
    assert "again and again crashed with SIGSEGV" in str(check)
    with every_interpreter._carried_out(b"no model", Plan().as_json()) as found:
        assert found() == ({}, "ended with status 1")


def test_a_wrong_interpreter_is_a_failed_check() -> None:
    """The check tells how many calls were wrong, and which."""
    found = json.loads(Found(interpreters=60, calls=360, wrong=2, told=["interpreter 7"]).as_json())
    (check,) = every_interpreter._checks(found, "")
    assert not check.passed
    assert check.detail == "2 wrong in 60 interpreters, 360 calls: interpreter 7"


@pytest.mark.parametrize(
    ("wrong", "told", "advice"),
    [
        (1, ["opened for batch 2 alone: output y differs"], "quantization.skip"),
        (1, ["interpreter 3, call 2: output y differs"], "Please report it"),
        (2, ["opened for batch 2 alone: output y differs"], "Please report it"),
    ],
)
def test_kernels_that_differ_are_not_called_memory(
    wrong: int, told: list[str], advice: str
) -> None:
    """Where only the sets of kernels differ, the advice is about rounding, not about memory."""
    found = {"interpreters": 60, "calls": 120, "wrong": wrong, "told": told}
    (check,) = every_interpreter._checks(found, "")
    assert not check.passed
    assert advice in check.remedy
