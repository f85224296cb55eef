"""Each pass on a small graph: before and after, as text, in tests/passes/golden.

Where a change is meant, `UPDATE_GOLDEN=1 python -m pytest tests/passes/test_golden.py` writes the
files anew, and the difference is reviewed (docs/guides/debugging.md).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.text import Text
from rnnlite_pipeline.passes.manager import Pass, UntilSettled, run
from rnnlite_pipeline.stages.conversion import CONVERSION, Context
from tests.passes import golden_models
from tests.passes.golden_models import MODELS
from tests.passes.sequences import Settings, context

GOLDEN = Path(__file__).parent / "golden"

#: Passes that look at the graph and leave it as it is.
LOOKING = {"remember-source", "check-whole", "check-memory"}

#: Passes that may be applied once only: they go on from what they did to their context, or, as
#: layout does, rely on fold-transpose to cancel what they put in.
ONCE = {"expose-states", "conclude-states", "write-recurrences", "quantize", "layout"}


def _passes() -> dict[str, Pass[Context]]:
    found: dict[str, Pass[Context]] = {}
    for entry in CONVERSION:
        for each in entry.passes if isinstance(entry, UntilSettled) else (entry,):
            found[each.name] = each
    return found


PASSES = _passes()


def _context(name: str) -> tuple[Model, Context]:
    """The graph for a pass, and what it needs to know."""
    policy = {"lift-states": "persist", "expose-states": "explicit"}.get(name, "source")
    known = context(Settings(), state=policy)
    if name == "keep-output-names":
        model, known.source = golden_models.renamed()
        return model, known
    if name == "conclude-states":
        model, states = golden_models.kept()
        return model, replace(known, states=states)
    if name == "write-out":
        recurrent = known.config.recurrent.model_copy(update={"lowering": "unrolled"})
        known.config = known.config.model_copy(update={"recurrent": recurrent})
    if name == "quantize":
        scheme = known.config.quantization.model_copy(update={"scheme": "dynamic_range"})
        known.config = known.config.model_copy(update={"quantization": scheme})
    return MODELS[name](), known


def test_every_pass_has_a_golden_graph() -> None:
    """A pass that is added to the conversion is shown on a graph."""
    assert MODELS.keys() == PASSES.keys() - LOOKING
    assert {path.stem for path in GOLDEN.glob("*.txt")} == MODELS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_golden(name: str) -> None:
    """The graph after the pass is the one that was reviewed; its promises hold meanwhile."""
    each, (model, known) = PASSES[name], _context(name)
    writer = Text()
    before = writer.of(model)
    run((each,), model, known)
    after = writer.of(model)
    assert before != after
    summary = each.description.splitlines()[0]
    shown = f"{name}: {summary}\n\n=== before ===\n\n{before}\n=== after ===\n\n{after}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ONCE])
def test_a_second_time_changes_nothing(name: str) -> None:
    """A pass that is applied again finds nothing left to do, and says so."""
    each, (model, known) = PASSES[name], _context(name)
    assert each.apply(model, known)
    writer = Text()
    before = writer.of(model)
    assert not each.apply(model, known)
    assert writer.of(model) == before
