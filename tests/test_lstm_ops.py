"""The drop-in names of the LSTM ops API: they train, and what they make converts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.runtimes.missing import missing_ops
from tests.authoring import check_numbers, convert, write_models
from tests.fake.project import ROOT


@pytest.fixture(scope="module")
def authored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `lstm_ops_authors.py` writes, in a child process: TensorFlow stays out of this one."""
    script = Path(__file__).parent / "lstm_ops_authors.py"
    return write_models(script, tmp_path_factory.mktemp("lstm_ops"))


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("stacked", {"UNIDIRECTIONAL_SEQUENCE_LSTM": 2}),
        ("plain", {"UNIDIRECTIONAL_SEQUENCE_RNN": 2}),
        ("bidirectional", {"BIDIRECTIONAL_SEQUENCE_LSTM": 1}),
        ("hinted", {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}),
    ],
)
def test_drop_ins_become_fused_ops(authored: Path, name: str, ops: dict[str, int]) -> None:
    """Peepholes, projection, layouts, final states and hints are fused, with the same numbers."""
    conversion = convert(name, authored)
    found = Counter(op.code for op in conversion.model.ops())
    assert {code: n for code, n in found.items() if "SEQUENCE" in code or code == "WHILE"} == ops
    check_numbers(conversion, name, authored)


def test_sequence_length_runs_on_builtin_ops(authored: Path) -> None:
    """`sequence_length`, which the original refused, gives the session's numbers without Flex."""
    conversion = convert("lengths", authored)
    assert not missing_ops(conversion.model)
    check_numbers(conversion, "lengths", authored)


@pytest.mark.parametrize("name", ["stacked", "plain", "bidirectional", "lengths", "hinted"])
def test_drop_ins_train(authored: Path, name: str) -> None:
    """Gradients reach the weights: some steps of training lower the loss."""
    with np.load(authored / "losses.npz") as losses:
        before, after = losses[name]
    assert after < 0.9 * before


def test_hints_carry_their_attributes_by_type(authored: Path) -> None:
    """Numbers of NumPy too; True is no integer. What has no such type is refused by name."""
    told = json.loads((authored / "hints.json").read_text(encoding="utf-8"))
    assert told["name"] == "acme"
    assert told["values"] == {
        "yes": True,
        "no": False,
        "one": 1,
        "half": 0.5,
        "text": 'a "b"',
        "int": 7,
        "float": 0.25,
        "double": 0.125,
    }
    kinds = {"yes": "b", "no": "b", "one": "i", "half": "f", "text": "s"}
    assert told["kinds"] == kinds | {"int": "i", "float": "f", "double": "f"}
    assert told["refused"] == "OpHint takes bool, int, float and str; sizes is of type list"


def test_needs_tf_keras_and_says_so() -> None:
    """Without tf-keras the import fails with the command that installs it."""
    code = "import sys; sys.modules['tf_keras'] = None; import rnnlite_pipeline.lstm_ops"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "pip install tf-keras" in ended.stderr
