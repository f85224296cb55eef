"""`recurrent.lowering: fastest` beside every other form: no other one takes less time."""

from __future__ import annotations

import pytest

from benchmarks.fastest import Judged, forms, judged
from benchmarks.peers.cases import Case
from rnnlite_pipeline.runtimes.timing import Ratio


def test_a_form_is_faster_if_all_of_its_interval_is() -> None:
    """Noise and small differences are not held against the choice."""
    others = {
        "surely": Ratio(0.8, 0.78, 0.82),
        "perhaps": Ratio(0.9, 0.7, 1.1),
        "hardly": Ratio(0.96, 0.95, 0.97),
        "slower": Ratio(1.5, 1.4, 1.6),
    }
    found = Judged(("loop",), others)
    assert found.faster == ["surely"]
    assert "FASTER: surely" in str(found)


def test_the_forms_of_a_case() -> None:
    """One loop and two for both directions; no fused op of a GRU; no long sequence written out."""
    assert list(forms(Case("LSTM", 1000, 3, 4))) == ["auto", "fused", "loop"]
    assert list(forms(Case("GRU", 28, 3, 4, both=True))) == [
        "auto",
        "loop",
        "joined",
        "apart",
        "unrolled",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["none", "dynamic_range"])
@pytest.mark.parametrize(
    "case",
    [
        Case("SimpleRNN", 28, 28, 64),
        Case("GRU", 28, 28, 64, both=True),
        Case("LSTM", 100, 40, 128, last=True),
        Case("LSTM", 100, 40, 128, layers=2),
        Case("SimpleRNN", 1, 40, 128),
    ],
    ids=str,
)
def test_no_form_is_faster_than_fastest(case: Case, scheme: str) -> None:
    """Of what was chosen on this machine; a form that is faster has to be so twice."""
    again = judged(case, scheme)
    assert not again.faster or not judged(case, scheme).faster, str(again)
