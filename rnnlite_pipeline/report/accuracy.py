"""The section on labels: the accuracy of model and source, and the confused classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlite_pipeline.config.associated import lines_of
from rnnlite_pipeline.metadata import read_description
from rnnlite_pipeline.metadata.schema import FILE_TYPES
from rnnlite_pipeline.report.evidence import Evidence
from rnnlite_pipeline.report.figures import points, rate
from rnnlite_pipeline.report.html import Cell, Section, section, table

if TYPE_CHECKING:
    from rnnlite_pipeline.report.evidence import About
    from rnnlite_pipeline.sources.model import Array

#: With more classes, no confusion matrix is drawn.
MOST_CLASSES = 30

#: How many classes are listed: where there are more, those with the lowest recall.
LISTED = 40


@dataclass(frozen=True, eq=False)
class Confusion:
    """Labels and predictions as classes.

    Attributes:
        names: The names of all classes that occur as a label or as a prediction.
        labels: The class of each sample, as an index into `names`, [predictions].
        source: The class that the source predicts, likewise.
        model: The class that the model predicts, likewise.
    """

    names: Sequence[str]
    labels: Array
    source: Array
    model: Array

    @classmethod
    def of(cls, decisions: tuple[Array, Array, Array], names: Sequence[str]) -> Confusion:
        """Made from the class numbers of labels, source and model, each [predictions]."""
        count = len(decisions[0])
        known, places = np.unique(np.concatenate(decisions), return_inverse=True)
        shown = [names[k] if 0 <= k < len(names) else str(k) for k in known.tolist()]
        return cls(shown, places[:count], places[count : 2 * count], places[2 * count :])

    def count(self, classes: Array) -> Array:
        """How often each class occurs in `classes`, [classes]."""
        return np.bincount(classes, minlength=len(self.names))

    @property
    def matrix(self) -> Array:
        """The confusion matrix of the model: counts, [label, prediction]."""
        width = len(self.names)
        pairs = np.bincount(self.labels * width + self.model, minlength=width * width)
        return pairs.reshape(width, width)


def accuracy(evidence: Evidence, about: About | None) -> Section | None:
    """The accuracy of each output of model and source; recall and precision of each class."""
    if not evidence.accuracy:
        return None
    rows = [
        (
            a.output,
            a.kernels,
            f"{a.samples:,}",
            rate(a.source),
            rate(a.litert),
            points(a.litert - a.source),
        )
        for a in evidence.accuracy
    ]
    columns = ("output", "kernels", "#samples", "#source", "#model", "#difference")
    outputs = []
    for output in evidence.labels:
        decisions = evidence.decisions(output)
        found = Confusion.of(decisions, _names(about, output))
        changed = int((decisions[1] != decisions[2]).sum())
        kernels = evidence.profiled_on.get(output, "default")
        outputs.append(_shown(output, found, changed) | {"kernels": kernels})
    return section("accuracy", "Accuracy", table=table(columns, rows), outputs=outputs)


def _names(about: About | None, output: str) -> Sequence[str]:
    """The classes' names, from the labels file that is packed in the model.

    An output of one value has one label, which names class 1. Class 0 is then "not" this label.
    """
    if about is None:
        return ()
    description = read_description(about.model)
    for told in description.tensors("outputs"):
        associated = told.get("associated_files", [])
        files = [file["name"] for file in associated if file.get("type") == FILE_TYPES["labels"]]
        if told.get("name") == output and files:
            names = lines_of(description.files.get(files[0], b"").decode("utf-8", "replace"))
            return [f"not {names[0]}", names[0]] if len(names) == 1 else names
    return ()


def _shown(output: str, found: Confusion, changed: int) -> dict[str, Any]:
    total = len(found.labels)
    return {
        "title": f"“{output}”, for each class",
        "changed": f"{changed:,} of {total:,} predictions differ from the source's.",
        "classes": _classes(found),
        "matrix": _matrix(found) if len(found.names) <= MOST_CLASSES else None,
        "count": len(found.names),
        "listed": LISTED,
    }


def _classes(found: Confusion) -> Any:
    """A row for each class: its recall in source and model, and its precision in the model."""
    held, said = found.count(found.labels), found.count(found.model)
    right = found.count(found.labels[found.labels == found.model])
    theirs = found.count(found.labels[found.labels == found.source])
    recall = np.where(held > 0, right / np.maximum(held, 1), 1.0)
    order = np.argsort(recall, kind="stable")
    rows: list[list[Cell]] = [
        [
            found.names[k],
            f"{held[k]:,}",
            _rate(theirs[k], held[k]),
            _rate(right[k], held[k]),
            _rate(right[k], said[k]),
        ]
        for k in sorted(order[:LISTED].tolist())
    ]
    columns = ("class", "#samples", "#recall, source", "#recall, model", "#precision, model")
    return table(columns, rows)


def _rate(part: int, whole: int) -> str:
    return rate(part / whole, 1) if whole else "–"


def _matrix(found: Confusion) -> Mapping[str, Any]:
    """The cells of the confusion matrix; `shade` says how dark a cell is drawn, 0 to 100."""
    matrix = found.matrix
    shades = np.round(100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)).astype(int)
    rows = [
        [
            {"count": int(count) or "", "shade": int(shade), "right": i == j}
            for j, (count, shade) in enumerate(zip(counts, row, strict=True))
        ]
        for i, (counts, row) in enumerate(zip(matrix, shades, strict=True))
    ]
    return {"names": found.names, "rows": list(zip(found.names, rows, strict=True))}
