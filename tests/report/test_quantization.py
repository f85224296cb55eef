"""The sections of a report that need a model or data of a certain kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Quantization, Signature, Subgraph, Tensor
from rnnlite_pipeline.report.about import interface
from rnnlite_pipeline.report.accuracy import MOST_CLASSES, accuracy
from rnnlite_pipeline.report.agreement import profiles
from rnnlite_pipeline.report.checks import comparisons, failures
from rnnlite_pipeline.report.evidence import About, Accuracy, Check, Evidence, Facts
from rnnlite_pipeline.report.layers import recurrences
from rnnlite_pipeline.report.quantization import quantization
from tests.report.test_report import about


def text(html: str) -> str:
    """What a page says, one blank between words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def labelled(classes: int) -> Evidence:
    """Labels and predictions of two samples a class; the model has one wrong, the source none."""
    labels = np.repeat(np.arange(classes), 2)
    source = np.eye(classes, dtype=np.float32)[labels]
    model = source.copy()
    model[0] = source[2]
    found = Evidence(Facts("m"))
    found.labels["y"], found.profiles["y"] = labels, (source, model)
    rates = 1.0, 1 - 1 / len(labels)
    found.accuracy.append(Accuracy("y", "default", len(labels), *rates))
    return found


def test_accuracy_stands_beside_the_source_and_for_each_class() -> None:
    """Rates of both, their difference, recall and precision of a class, and what was confused."""
    shown = accuracy(labelled(3), None)
    assert shown is not None
    said = text(shown.html)
    assert "y default 6 100.00% 83.33% -16.67 points" in said
    assert "1 of 6 predictions differ from the source&#39;s." in said
    assert "0 2 100.0% 50.0% 100.0%" in said
    assert "1 2 100.0% 100.0% 66.7%" in said
    # The matrix: titles, then rows without their zeros.
    assert "predicted class 0 1 2 label 0 1 1 1 2 2 2" in said


def test_many_classes_have_no_matrix() -> None:
    """Where it could not be read, the number of classes is told."""
    shown = accuracy(labelled(MOST_CLASSES + 1), None)
    assert shown is not None
    assert 'class="matrix"' not in shown.html
    assert "31 classes: too many for a confusion matrix." in shown.html


def test_a_vocabulary_needs_no_matrix_of_its_square() -> None:
    """Classes are those that occur: labels of any size, and -1, are counted all the same."""
    found = Evidence(Facts("m"))
    labels = np.array([-1, 2_000_000_000, 7])
    found.labels["y"] = labels
    found.profiles["y"] = (labels, np.array([7, 2_000_000_000, 7]))
    found.accuracy.append(Accuracy("y", "default", 3, 1.0, 2 / 3))
    shown = accuracy(found, None)
    assert shown is not None
    assert "-1 1 100.0% 0.0% –" in text(shown.html)
    assert "7 1 100.0% 100.0% 50.0%" in text(shown.html)


def test_one_hot_labels_count_as_classes() -> None:
    """Labels may be rows, as the accuracy of verify takes them."""
    found = labelled(3)
    found.labels["y"] = np.eye(3)[found.labels["y"]]
    assert accuracy(found, None) == accuracy(labelled(3), None)


def quantized(count: int) -> Evidence:
    """A model of which one op stayed in float, and got larger."""
    ops: list[dict[str, Any]] = [
        {"op": "ADD", "name": f"a{i}", "became": "int8"} for i in range(count)
    ]
    ops.append(
        {"op": "CUMSUM", "name": "<sum>", "became": "float32", "reason": "no integer kernel"}
    )
    found = Evidence(Facts("m"))
    figures = {"float": 10_000, "quantized": 12_000, "ratio": 1.2}
    found.facts.quantization = {"scheme": "int8", "ops": ops, "bytes": figures}
    run: dict[str, Any] = {"data": "data", "kernels": "default", "output": "y", "call": 1}
    found.checks.append(Check("equals the source", True, **run, max_abs_error=0.02, limit=0.1))
    found.accuracy.append(Accuracy("y", "default", 10, 0.9, 0.8))
    return found


def test_a_quantized_model_has_its_summary_first() -> None:
    """What became integer, what stayed float and why, cost and gain: before the list of all ops."""
    shown = quantization(quantized(90))
    assert shown is not None
    summary, details = shown.html.split("<details>", 1)
    said = text(summary)
    assert "Of 91 ops that could be quantized, 90 became int8; 1 stayed in float32" in said
    assert "The largest error is 2.0e-02, 20% of the limit; accuracy is 80.00%" in said
    assert "12.0 kB instead of 10.0 kB in float: 20% larger." in said
    assert "What it gained" not in said
    assert said.index("float32 1 CUMSUM &lt;sum&gt; no integer kernel") < said.index("90 ADD")
    assert details.count("<tr>") == 92


def test_without_a_scheme_there_is_no_such_section() -> None:
    """A float model says nothing of quantization."""
    assert quantization(Evidence(Facts("m"))) is None


def ported(*tensors: Tensor) -> Model:
    """A model of these inputs and outputs: the last one is the output."""
    *inputs, output = tensors
    main = Subgraph("main", inputs, [output], [Op("ADD_N", [*inputs], [output])])
    names = {tensor.name: tensor for tensor in inputs}
    return Model([main], [Signature("serving_default", main, names, {output.name: output})])


def test_quantized_inputs_tell_scale_and_zero_point(tmp_path: Path) -> None:
    """And the real values that they reach; one that stays real says so."""
    told = about(tmp_path)
    units = Quantization((0.5,), (3,))
    model = ported(
        Tensor("x", "INT8", (1, 2), quantization=units),
        Tensor("w", "FLOAT32", (1, 2)),
        Tensor("y", "UINT8", (1, 2), quantization=units),
    )
    said = text(interface(About(told.config, model, model)).html)
    assert "input x 1 × 2 int8 0.5 3 -65.5 to 62" in said
    assert "input w 1 × 2 float32 as they are" in said
    assert "output y 1 × 2 uint8 0.5 3 -1.5 to 126" in said
    plain = text(interface(About(told.config, told.source, told.model)).html)
    assert "zero point" not in plain


def turned(count: int) -> Model:
    """A loop over an input that is reversed so many times, by way of a reshape."""
    value = x = Tensor("x", "FLOAT32", (-1, 5, 3))
    ops = []
    axis = Tensor.constant("axis", np.array([1], np.int32))
    for i in range(count):
        after = Tensor(f"turned{i}", "FLOAT32", (-1, 5, 3))
        ops.append(make_op("REVERSE_V2", [value, axis], [after]))
        value = after
    y = Tensor("rows/y", "FLOAT32", (-1, 5, 3))
    ops.append(Op("WHILE", [value], [y]))
    main = Subgraph("main", [x], [y], ops)
    return Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])


@pytest.mark.parametrize(("count", "way"), [(0, "forward"), (1, "backward"), (2, "forward")])
def test_a_loop_over_a_reversed_input_runs_backward(tmp_path: Path, count: int, way: str) -> None:
    """The direction is that of time, as the author of the layer means it."""
    told = about(tmp_path)
    layer = told.layers[0] | {"op": "WHILE", "direction": "forward"}
    shown = recurrences(About(told.config, told.source, turned(count), [layer]))
    assert shown is not None
    assert f"rows ({way})" in shown.html


def test_each_error_has_its_part_of_the_limit() -> None:
    """In the table of comparisons, and the remedy of what failed is told once."""
    run: dict[str, Any] = {"kernels": "default", "output": "y", "call": 1, "remedy": "Do <this>."}
    found = Evidence(Facts("m"))
    for data in ("data", "zeros"):
        found.checks.append(
            Check("equals the source", False, data=data, **run, max_abs_error=0.4, limit=0.1)
        )
    table, wrong = comparisons(found), failures(found)
    assert table is not None
    assert wrong is not None
    assert "4.0e-01 400%" in text(table.html)
    assert wrong.html.count("Do &lt;this&gt;.") == 1
    assert wrong.html.count("<li>") == 2


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        (["data", "random"], "On the data,"),
        (["calibration", "random"], "On the calibration data,"),
        (["random"], "On random input,"),
    ],
)
def test_the_agreement_says_on_which_samples(cases: list[str], said: str) -> None:
    """Figures of random input are not called those of the data."""
    found = labelled(3)
    found.checks += [Check("equals the source", passed=True, data=c, output="y") for c in cases]
    (shown,) = profiles(found)
    assert shown.note.startswith(said)
