"""What keeps its name in a file, and what does not."""

from __future__ import annotations

from rnnlite_pipeline.graph.edit import tensors
from rnnlite_pipeline.passes.drop_names import drop_names
from tests.passes.golden_models import counted, measured_twice


def test_loops_lose_their_names() -> None:
    """Inside a loop no tensor has a name; the op that runs it, and the interface, keep theirs."""
    model = counted()
    interface = [t.name for t in (*model.main.inputs, *model.main.outputs)]
    assert drop_names(model)
    assert [t.name for t in (*model.main.inputs, *model.main.outputs)] == interface
    assert {t.name for graph in model.subgraphs[1:] for t in tensors(graph)} == {""}
    assert all(interface)


def test_sizes_lose_their_names_and_results_keep_them() -> None:
    """Of the main graph's tensors, integers of a rank below two are not named."""
    model = measured_twice()
    drop_names(model)
    named = {t.dtype for t in tensors(model.main) if t.name}
    assert named == {"FLOAT32"}
