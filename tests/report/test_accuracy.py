"""The section on labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.metadata import described_model
from rnnlite_pipeline.report.accuracy import LISTED, MOST_CLASSES, Confusion, accuracy
from rnnlite_pipeline.report.evidence import About, Accuracy, Evidence, Facts
from tests.metadata.described import CONFIG, config, model
from tests.report.samples import labelled, text


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


def test_without_labels_there_is_no_such_section() -> None:
    """An accuracy is only shown where it was measured."""
    assert accuracy(Evidence(Facts("m")), None) is None


def test_one_wrong_prediction_of_many_is_not_100_percent() -> None:
    """No rate below 1 is rounded up to 100%."""
    labels = np.zeros(100_000, np.int64)
    model = labels.copy()
    model[7] = 1
    found = Evidence(Facts("m"))
    found.labels["y"], found.profiles["y"] = labels, (labels, model)
    found.accuracy.append(Accuracy("y", "default", 100_000, 1.0, 1 - 1e-5))
    shown = accuracy(found, None)
    assert shown is not None
    said = text(shown.html)
    assert "100,000 100.00% 99.99%" in said
    assert "0 100,000 100.0% 99.9% 100.0%" in said


def test_of_many_classes_those_with_the_lowest_recall_are_listed() -> None:
    """A class that is no label has no recall, and takes no place from one that has."""
    labels = np.arange(LISTED + 5)
    model = labels.copy()
    model[-1] = 999  # no label has this class; the last class is never found
    found = Evidence(Facts("m"))
    found.labels["y"], found.profiles["y"] = labels, (labels, model)
    found.accuracy.append(Accuracy("y", "default", len(labels), 1.0, 1 - 1 / len(labels)))
    shown = accuracy(found, None)
    assert shown is not None
    said = text(shown.html)
    assert f"Of {LISTED + 6} classes, the {LISTED} with the lowest recall are listed." in said
    assert f"{LISTED + 4} 1 100.0% 0.0% –" in said
    assert "999" not in said


def test_a_confusion_counts_labels_by_predictions() -> None:
    """Rows are labels, columns predictions; classes without a name have their number."""
    decisions = np.array([0, 0, 5, 5]), np.array([0, 0, 5, 5]), np.array([0, 5, 5, 7])
    found = Confusion.of(decisions, ["zero"])
    assert found.names == ["zero", "5", "7"]
    np.testing.assert_array_equal(found.matrix, [[1, 1, 0], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(found.count(found.model), [1, 2, 1])


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("zero\none\ntwo\n", ["zero", "one", "two"]),
        ("a\u2028b\r\nc\x0cd\r\ne", ["a\u2028b", "c\x0cd", "e"]),
    ],
)
def test_classes_have_the_names_of_the_labels_file(
    tmp_path: Path, labels: str, names: list[str]
) -> None:
    """Lines are those that `validate` counted: only LF and CR LF end one."""
    told = config(tmp_path, CONFIG, labels)
    own = read_model(described_model(model(), told, []))
    found = labelled(3)
    found.labels["probabilities"] = found.labels.pop("y")
    found.profiles["probabilities"] = found.profiles.pop("y")
    shown = accuracy(found, About(told, own, own))
    assert shown is not None
    for name in names:
        assert f"<th>{name}</th>" in shown.html


def test_a_single_label_names_class_1(tmp_path: Path) -> None:
    """An output of one value decides for its label or against it: class 0 is "not" the label."""
    own = model()
    own.signatures[0].outputs["probabilities"].shape = (-1, 1)
    told = config(tmp_path, CONFIG, "spam\n")
    own = read_model(described_model(own, told, []))
    found = Evidence(Facts("m"))
    values = np.array([[0.1], [0.9], [0.8]], np.float32)
    found.labels["probabilities"] = np.array([0, 1, 1])
    found.profiles["probabilities"] = (values, values)
    found.accuracy.append(Accuracy("probabilities", "default", 3, 1.0, 1.0))
    shown = accuracy(found, About(told, own, own))
    assert shown is not None
    said = text(shown.html)
    assert "not spam 1 100.0%" in said
    assert " spam 2 100.0%" in said
