"""Lingvo's cell interface: every way of calling it, against the cell written down in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlite_pipeline.algebra.functions import sigmoid
from rnnlite_pipeline.composites.lingvo import is_name
from rnnlite_pipeline.composites.record import Sample, composite, draws, nudged, write_samples
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.resolve.check import distance
from rnnlite_pipeline.resolve.composites import resolve

Array = NDArray[Any]

FEATURES, UNITS = 3, 5


def cell(operands: Mapping[str, Array], cap: float, results: int) -> tuple[Array, ...]:
    """lingvo's LSTMCellSimple and LayerNormalizedLSTMCellSimple, one step, in float64."""
    x, weight, bias = (np.asarray(operands[k], np.float64) for k in ("x", "weight", "bias"))
    outputs = weight.shape[0] - FEATURES
    m = operands.get("m", np.zeros((len(x), outputs)))
    c = operands.get("c", np.zeros((len(x), UNITS)))
    count = bias.size // UNITS
    gates = np.split(np.concatenate([x, m], 1) @ weight, count, axis=1)
    if "scale" in operands:
        scales = np.split(operands["scale"], count)
        gates = [_normalized(z) * s for z, s in zip(gates, scales, strict=True)]
    shifted = [z + b for z, b in zip(gates, np.split(bias, count), strict=True)]
    candidate, *i, f, o = shifted
    keep = sigmoid(f)
    c = keep * c + (sigmoid(i[0]) if i else 1.0 - keep) * np.tanh(candidate)
    c = np.clip(c, -cap, cap) if cap else c
    m = sigmoid(o) * np.tanh(c)
    m = m @ operands["projection"] if "projection" in operands else m
    return (m.astype(np.float32), c.astype(np.float32))[:results]


def _normalized(z: Array) -> Array:
    deviation = z - z.mean(axis=1, keepdims=True)
    return np.asarray(deviation / np.sqrt((deviation**2).mean(axis=1, keepdims=True) + 1e-8))


def model(
    name: str, attributes: Mapping[str, float], *, projected: bool, stateful: bool, cap: float
) -> Model:
    """One call of a lingvo cell, with samples of what the cell computes."""
    random = np.random.default_rng(1)
    normalized, count = "Norm" in name, 3 if "Couple" in name else 4
    outputs = 2 if projected else UNITS
    shapes = {"weight": (FEATURES + outputs, count * UNITS), "bias": (count * UNITS,)}
    shapes |= {"projection": (UNITS, outputs)} if projected else {}
    shapes |= {"scale": (count * UNITS,)} if normalized else {}
    operands = {"x": Tensor("x", "FLOAT32", (-1, FEATURES))}
    for key, shape in shapes.items():
        operands[key] = Tensor.constant(key, random.normal(size=shape).astype(np.float32))
    if stateful:
        widths = {"m": outputs, "c": UNITS}
        operands |= {key: Tensor(key, "FLOAT32", (-1, w)) for key, w in widths.items()}
    results = [Tensor("m_after", "FLOAT32", (-1, outputs))]
    results += [Tensor("c_after", "FLOAT32", (-1, UNITS))] if stateful else []
    call = Op("PartitionedCall", [*operands.values()], results, custom=True)
    fed = {key: t for key, t in operands.items() if t.data is None}
    main = Subgraph(
        "main", [*fed.values()], results, [composite(call, 0, "cell", name, attributes)]
    )
    made = Model([main], [Signature("serving_default", main, fed, {t.name: t for t in results})])
    write_samples(
        made, {0: [_sample(operands, v, cap, len(results)) for v in draws([*operands.values()])]}
    )
    return made


def _sample(
    operands: Mapping[str, Tensor], values: list[Array | None], cap: float, results: int
) -> Sample:
    def run(values: list[Array | None]) -> tuple[Array, ...]:
        pairs = zip(operands.items(), values, strict=True)
        whole = {k: np.asarray(t.array if v is None else v) for (k, t), v in pairs}
        return cell(whole, cap, results)

    return Sample(tuple(values), run(values), run(nudged(values)))


@pytest.mark.parametrize(("projected", "stateful"), [*product([False, True], repeat=2)])
@pytest.mark.parametrize(
    "name",
    [
        "LSTMCellSimple",
        "lingvo.LSTMCellSimple,CoupleInputForgetGates",
        "LayerNormalizedLstmCellSimple",
        "lingvo.LayerNormalizedLSTMCellSimple",
    ],
)
def test_every_way_of_calling_a_lingvo_cell(name: str, projected: bool, stateful: bool) -> None:
    """With and without projection and states, the recurrence is the cell, clipped at 10."""
    (found,) = resolve(model(name, {}, projected=projected, stateful=stateful, cap=10.0), distance)
    (recurrence,) = found.recurrences
    assert recurrence.cell.states == (2 if projected else UNITS, UNITS)


@pytest.mark.parametrize("cap", [0.0, 0.5])
def test_cell_value_cap_is_taken_from_the_annotation(cap: float) -> None:
    """The bound of the cell state is the annotation's, 0 for none."""
    attributes = {"cell_value_cap": cap}
    made = model("LSTMCellSimple", attributes, projected=True, stateful=True, cap=cap)
    (found,) = resolve(made, distance)
    assert vars(found.recurrences[0].cell)["cell_clip"] == cap


def test_another_clip_is_found_to_differ() -> None:
    """A cell that clips at 0.5 and does not say so is no LSTMCellSimple."""
    made = model("LSTMCellSimple", {}, projected=True, stateful=True, cap=0.5)
    with pytest.raises(NotConvertible, match="computes something else"):
        resolve(made, distance)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("LSTMCellSimple", True),
        ("lingvo.LSTMCellSimple", True),
        ("LSTMCellSimple,CoupleInputForgetGates", True),
        ("LSTMCellSimple,Zoneout", False),
        ("LSTMCell", False),
        ("acme.LSTMCellSimple", False),
    ],
)
def test_names_of_the_interface(name: str, known: bool) -> None:
    """Only lingvo's own names and flag are taken at their word."""
    assert is_name(name) == known
