"""A .tflite file with several signatures: each is verified."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, Pipeline
from rnnlite_pipeline.errors import VerificationFailed
from rnnlite_pipeline.graph.ir import Model, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.verify import verify
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.recognise.strategies import lstm

SPELLING = replace(Spelling(), finals=False)


@pytest.fixture
def built(tmp_path: Path) -> tuple[Config, Path]:
    """A file with two LSTMs, each the loop of a signature of its own, imported and converted."""
    one, other = (Author([lstm(seed)], SPELLING).model() for seed in (1, 2))
    other.signatures[0].key = "other"
    both = Model([*one.subgraphs, *other.subgraphs], [*one.signatures, *other.signatures])
    (tmp_path / "m.tflite").write_bytes(write_model(both))
    source = {"format": "tflite", "path": str(tmp_path / "m.tflite")}
    config = Config.model_validate({"name": "m", "source": source})
    import_source(config, tmp_path)
    convert(config, tmp_path)
    return config, tmp_path


def test_every_signature_is_verified(built: tuple[Config, Path]) -> None:
    """Both are run on both sets of kernels, twice, at every batch."""
    config, out = built
    verify(config, out, Pipeline.model_validate({}))
    told = json.loads((out / "verification.json").read_text())
    runs = [c for c in told["checks"] if c.get("data", "").startswith("other: ")]
    assert {(c["kernels"], c.get("call")) for c in runs} >= {
        (kernels, call) for kernels in ("reference", "default") for call in (1, 2)
    }
    assert {b for c in runs for b in c["batch"]} >= {1, 3, 17}


def test_a_wrong_signature_fails(built: tuple[Config, Path]) -> None:
    """A weight that only the second one reads is seen, and so is a signature that is gone."""
    config, out = built
    model = read_model((out / "model.tflite").read_bytes())
    right = write_model(model)
    signature = next(s for s in model.signatures if s.key == "other")
    for op in signature.subgraph.ops:
        for place, tensor in enumerate(op.inputs):
            if tensor is not None and tensor.dtype == "FLOAT32" and tensor.array is not None:
                value = (tensor.array * 1.01).astype(np.float32)
                op.inputs[place] = Tensor.constant(tensor.name, value)
    (out / "model.tflite").write_bytes(write_model(model))
    with pytest.raises(VerificationFailed, match=r'equals the source \(output "y", "other: '):
        verify(config, out, Pipeline.model_validate({}))
    gone = read_model(right)
    gone.signatures = [s for s in gone.signatures if s.key != "other"]
    (out / "model.tflite").write_bytes(write_model(gone))
    with pytest.raises(VerificationFailed, match="signature other is kept: the model has no such"):
        verify(config, out, Pipeline.model_validate({}))
