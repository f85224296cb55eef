"""The gates: ops, size, accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import Config, Pipeline, load_pipeline
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph
from rnnlite_pipeline.metadata import Description
from rnnlite_pipeline.report.evidence import Accuracy, Check, Evidence, Facts
from rnnlite_pipeline.stages.verify import SHOWN, _failure
from rnnlite_pipeline.verify.gates import check_accuracy, check_error, check_gates, op_histogram

OPS = {"CustomThing": 1, "FULLY_CONNECTED": 2, "FlexErf": 1, "WHILE": 1}


def config(**values: Any) -> Config:
    """A config with these sections."""
    source = {"format": "keras", "path": "m.keras"}
    return Config.model_validate({"name": "m", "source": source, **values})


def pipeline(**gates: Any) -> Pipeline:
    """A pipeline with these gates."""
    return Pipeline.model_validate({"gates": gates})


def judged(
    config: Config, pipeline: Pipeline, size: int = 1, description: Description | None = None
) -> list[Check]:
    """The gates that need no run, of a model of `OPS`."""
    return list(check_gates(config, pipeline, size, OPS, description or Description()))


@pytest.mark.parametrize(
    ("gates", "failed"),
    [
        ({}, []),
        ({"max_bytes": 100}, []),
        ({"max_bytes": 99}, ["gate max_bytes"]),
        ({"require_ops": {"FULLY_CONNECTED": 2, "WHILE": True}}, []),
        ({"require_ops": {"FULLY_CONNECTED": 1}}, ["gate require_ops FULLY_CONNECTED"]),
        ({"require_ops": {"LSTM": True}}, ["gate require_ops LSTM"]),
        ({"forbid_ops": ("RNN", "while")}, []),
        (
            {"forbid_ops": ("Flex*", "Custom*")},
            ["gate forbid_ops Flex*", "gate forbid_ops Custom*"],
        ),
    ],
)
def test_gates_of_size_and_ops(gates: dict[str, Any], failed: list[str]) -> None:
    """Each gate is judged by itself; patterns match names, and custom ops count by theirs."""
    checks = judged(config(), pipeline(**gates), 100)
    assert [c.name for c in checks if not c.passed] == failed


GATES = """\
gates:
  max_bytes: 99
  max_abs_error: 0.5
  min_accuracy: 0.95
  max_accuracy_drop: 0.005
  forbid_ops: [Flex*]
  require_ops: {LSTM: true}
  require_metadata:
    - author
    - outputs.labels
  runtimes: [litert]
"""


def test_a_missed_gate_names_its_file_its_line_and_the_figure(tmp_path: Path) -> None:
    """Every gate there is, missed: one line each, with the place where it is asked for."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "mine.yaml").write_text(GATES)
    mine = load_pipeline("mine", tmp_path)
    tensors = [{"name": "y", "associated_files": [{"name": "y.txt", "type": 2}]}, {"name": "z"}]
    told = Description({"subgraph_metadata": [{"output_tensor_metadata": tensors}]})
    other = config(verification={"runtimes": ("tflm",)})
    errors = [
        Check("equals", True, output="y", max_abs_error=error, scale=1.0, limit=1.0)
        for error in (0.1, 0.75)
    ]
    checks = [
        *judged(other, mine, 100, told),
        *check_error(mine, errors),
        *check_accuracy(other, mine, [Accuracy("y", "default", 100, 0.91, 0.9)]),
    ]
    assert [str(check).removeprefix("pipelines/mine.yaml:") for check in checks] == [
        "2: gate max_bytes: 100 bytes, at most 99 pass: 1.0% too many",
        "7: gate require_ops LSTM: 0 in the model, at least one required",
        "6: gate forbid_ops Flex*: the model holds 1 FlexErf",
        "9: gate require_metadata author: not given",
        "10: gate require_metadata outputs.labels: not given for z",
        "11: gate runtimes litert: verified on tflm only",
        (
            '3: gate max_abs_error (output "y"): error 0.75 (0.75 of the output\'s scale), at most'
            " 0.5 passes"
        ),
        (
            '4: gate min_accuracy (output "y", "data" input, default kernels): 0.9000, at least'
            " 0.95 passes (source: 0.9100)"
        ),
        (
            '5: gate max_accuracy_drop (output "y", "data" input, default kernels): 0.0100, at most'
            " 0.005 passes"
        ),
    ]
    assert not any(check.passed for check in checks)


def test_the_error_gate_leaves_extreme_input_to_its_own_rule() -> None:
    """An error that one rounding of the input explains does not count against the gate."""
    extreme = Check("equals", True, output="y", max_abs_error=9.0, scale=1.0, rounding=2.0)
    assert list(check_error(pipeline(max_abs_error=0.5), [extreme])) == []


def test_lowering_fused_leaves_no_loop() -> None:
    """recurrent.lowering: fused fails where a loop is left, and says how many."""
    fused = config(recurrent={"lowering": "fused"})
    (check,) = judged(fused, pipeline())
    assert not check.passed
    assert check.detail == "the model holds 1 WHILE"
    assert all(c.passed for c in check_gates(fused, pipeline(), 1, {"ADD": 1}, Description()))


@pytest.mark.parametrize(
    ("own", "gates", "failed"),
    [
        ({}, {}, []),
        ({"min_accuracy": 0.89, "max_accuracy_drop": 0.02}, {}, []),
        ({"min_accuracy": 0.91}, {}, ["min_accuracy"]),
        ({"min_accuracy": 0.5}, {"min_accuracy": 0.91}, ["gate min_accuracy"]),
        ({"max_accuracy_drop": 0.0}, {"max_accuracy_drop": 0.5}, ["max_accuracy_drop"]),
    ],
)
def test_config_and_pipeline_both_hold(
    own: dict[str, float], gates: dict[str, float], failed: list[str]
) -> None:
    """Accuracy is held to both, and what was missed says which of the two asked for it."""
    asking = config(verification={"data": {"path": "d.npz"}, **own})
    found = [Accuracy("y", "default", 100, 0.91, 0.9)]
    checks = check_accuracy(asking, pipeline(**gates), found)
    assert [c.name for c in checks if not c.passed] == failed


def test_accuracy_without_labels_cannot_pass() -> None:
    """A gate that could not be judged is a gate that was missed."""
    (check,) = check_accuracy(config(), pipeline(min_accuracy=0.1), [])
    assert not check.passed


def test_the_histogram_counts_every_subgraph() -> None:
    """Ops of loop bodies count like those of the main graph; a custom op is told apart."""
    both = Model([Subgraph("main", ops=[Op("ADD", [], []), Op("ADD", [], [])])])
    both.subgraphs.append(Subgraph("body", ops=[Op("ADD", [], []), Op("Own", [], [], custom=True)]))
    assert op_histogram(both) == {"ADD": 3, "CUSTOM:Own": 1}


def test_headlines_are_the_worst_of_their_kind() -> None:
    """Of the runs of one output on one input only the worst is told; other failures all are."""
    runs = [
        Check("equals", False, data="d", output="y", call=call, max_abs_error=error)
        for call, error in ((1, 0.1), (2, 0.3))
    ]
    other = Check("gate", False)
    right = Check("equals", True, data="e", output="y", max_abs_error=0.9)
    assert Evidence(Facts("m"), checks=[*runs, right, other]).headlines == [runs[1], other]


def test_evidence_passes_only_when_it_is_complete() -> None:
    """Nothing compared, a failed check, or a verification that broke off: none of them passes."""
    good, bad = Check("good", True, max_abs_error=0.0), Check("bad", False)
    assert not Evidence(Facts("m")).passed
    assert not Evidence(Facts("m"), checks=[Check("the interface", True)]).passed
    assert Evidence(Facts("m"), checks=[good]).passed
    assert not Evidence(Facts("m"), checks=[good, bad]).passed
    assert not Evidence(Facts("m"), checks=[good], broken_off="the runtime crashed").passed


@pytest.mark.parametrize(
    ("named", "link", "passed"),
    [
        ("apache-2.0", None, True),
        ("MIT", None, True),
        ("not yet chosen", None, False),
        ("our own terms", "TERMS.md", True),
        ("", "TERMS.md", False),
    ],
)
def test_a_license_that_was_not_chosen_misses_its_gate(
    named: str, link: str | None, passed: bool
) -> None:
    """The gate asks for one that has an identifier, or for where its terms stand."""
    said = config(package={"card": {"license_link": link}} if link else {})
    description = Description({"license": named} if named else {})
    gates = pipeline(require_metadata=("license",))
    [check] = judged(said, gates, description=description)
    assert check.passed is passed
    if not passed and named:
        assert "“not yet chosen” is no license that has an identifier" in check.detail
        assert "apache-2.0" in check.remedy


def test_all_missed_gates_are_told_at_once() -> None:
    """The error names every gate that was missed with its advice, and the worst of the rest."""
    gates = [Check(f"gate {n}", False, "missed", f"Mend {n}.", asked="p.yaml:1") for n in range(5)]
    rest = [
        Check(f"equals {n}", False, "differs", "Look.", max_abs_error=n + 1.0) for n in range(5)
    ]
    told = str(_failure(Evidence(Facts("m"), [*rest, *gates]), Path("model.failed.tflite")))
    assert "failed 10 of 10 checks" in told
    assert all(f"p.yaml:1: gate {n}: missed\n    Mend {n}." in told for n in range(5))
    assert told.count("equals") == SHOWN
    assert "... and 2 more" in told
