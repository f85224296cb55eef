"""The noise inside a quantized model: which values have a ratio, and what they are called."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.quantize.record import leave
from rnnlite_pipeline.verify.figures import _every_step, figures
from tests.lower.cases import Case
from tests.lower.loop_cases import gru
from tests.quantize.author import CHANGES, feed, model_of


@pytest.mark.parametrize(("outputs", "ends"), [("y", "every step"), ("finals", "")])
def test_a_loop_is_called_by_its_layer(tmp_path: Path, outputs: str, ends: str) -> None:
    """A chart shows what a layer puts out, by the layer's name.

    A loop also returns the sequence that it was given, unchanged: that is no result of the layer.
    """
    cell = gru(np.random.default_rng(0), 3, 8)
    case = Case((cell,), outputs=outputs, open_steps=False, open_batch=False)  # type: ignore[arg-type]
    model = model_of(case, classes=4 if ends else 0)
    results = [t for op in model.main.ops if op.code == "WHILE" for t in op.outputs]
    layer = results[0].name.rpartition("/")[0]
    for each in results:
        each.name = each.name.replace("y0", f"{layer}/level_1_2")
    made = copy.deepcopy(model)
    outcomes = CHANGES["float16"](made)
    leave(tmp_path, write_model(model), outcomes)
    layers = [{"name": layer, "op": "WHILE", "reason": ""}]
    (tmp_path / ".work" / "layers.json").write_text(json.dumps(layers))
    found = figures(tmp_path, "float16", write_model(made), [feed(model, 2)])
    assert "not_measured" not in found
    shown = [each["value"] for each in found["recurrent"]]
    assert shown == ([f"{layer}, {ends}"] if ends else [])
    assert all(20 < each["snr_db"] < 150 for each in found["recurrent"])
    assert not [each for each in found["worst"] if "level_" in each["value"]]


@pytest.mark.parametrize(
    ("shape", "readers", "is_sliced"),
    [((5, 2, 4), 1, True), ((2, 4), 1, False), ((5, 2, 4), 2, False)],
)
def test_the_noise_of_blocks_ends_with_the_sequence(
    shape: tuple[int, ...], readers: int, is_sliced: bool
) -> None:
    """A loop gives whole blocks of steps; those behind the end of the sequence are not judged."""
    blocks, end = Tensor("y", "FLOAT32", (32, 2, 4)), Tensor("turned", "FLOAT32", shape)
    loop = Op("WHILE", [], [blocks])
    ops = [loop, *(Op("STRIDED_SLICE", [blocks], [end]) for _ in range(readers))]
    model = Model([Subgraph("main", [], [end], ops)])
    assert _every_step(model, loop, blocks) is (end if is_sliced else blocks)
