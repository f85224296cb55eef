"""What is lowered to a fused op is what the kernels compute right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnnlite_pipeline.algebra.functions import ACTIVATIONS
from rnnlite_pipeline.cells import lstm, simple_rnn
from rnnlite_pipeline.cells.lstm import Lstm
from rnnlite_pipeline.cells.recurrence import Recurrence
from rnnlite_pipeline.cells.simple_rnn import SimpleRnn
from rnnlite_pipeline.lower import lower, why_not_fused
from tests.lower.cases import Case, random_lstm, random_rnn

FUSED_ACTIVATIONS = {
    Lstm.kind: lstm.FUSED_ACTIVATIONS,
    SimpleRnn.kind: simple_rnn.FUSED_ACTIVATIONS,
}
RNG = np.random.default_rng(0)
PAIRS = [(kind, name) for kind, names in FUSED_ACTIVATIONS.items() for name in names]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("kind", "activation"), PAIRS)
def test_kernels_compute_the_activations_of_the_table(
    kind: str, activation: str, directions: int
) -> None:
    """Every activation of the table, with and without a projection, in both layouts."""
    for time_major, outputs in ((True, None), (False, 3)):
        cells = tuple(
            random_lstm(RNG, 3, 5, outputs=outputs, activation=activation)
            if kind == Lstm.kind
            else random_rnn(RNG, 3, 5, activation)
            for _ in range(directions)
        )
        case = Case(cells, time_major=time_major)
        model = case.model()
        lower(model)
        case.check(model)


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"TANH", "RELU"}))
def test_other_activations_are_refused_by_name(activation: str) -> None:
    """The reason names what the author wrote: linear, sigmoid."""
    for cell in (random_lstm(RNG, 2, 3, activation=activation), random_rnn(RNG, 2, 3, activation)):
        reason = why_not_fused(Recurrence("layer", cell))
        assert (reason is None) == (activation in FUSED_ACTIVATIONS[cell.kind])
        if reason is not None:
            assert ("linear" if activation == "NONE" else activation.lower()) in reason


def test_variants_without_an_op_are_refused_with_their_reason() -> None:
    """Half a peephole, half a layer norm, a clip without projection: each has its sentence."""
    plain, peeping = random_lstm(RNG, 2, 3), random_lstm(RNG, 2, 3, peephole=True)
    normal = random_lstm(RNG, 2, 3, layer_norm=True)
    replace = dataclasses.replace
    refused = {
        "only some of its gates have peepholes": replace(plain, output=peeping.output),
        "its candidate looks at the cell state": replace(plain, candidate=peeping.forget),
        "only some of its gates are normalized": replace(plain, candidate=normal.candidate),
        "widens 3 units to 4": random_lstm(RNG, 2, 3, outputs=4),
        "without a projection": replace(plain, projection_clip=1.0),
    }
    for words, cell in refused.items():
        assert words in (why_not_fused(Recurrence("layer", cell)) or "")


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("peephole", [False, True])
@pytest.mark.parametrize("coupled", [False, True])
def test_variants_with_an_op_are_not_refused(
    coupled: bool, peephole: bool, layer_norm: bool
) -> None:
    """Coupled gates, peepholes, layer norm and projection go together in every mix."""
    cell = random_lstm(
        RNG, 2, 3, outputs=2, coupled=coupled, peephole=peephole, layer_norm=layer_norm
    )
    assert why_not_fused(Recurrence("layer", cell)) is None
