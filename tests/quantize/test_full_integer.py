"""`int8` and `int16x8` from the calibration data to the model, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import NotConvertible
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.graph.variables import State
from rnnlite_pipeline.quantize.full_integer import (
    SPLIT,
    _check_runnable,
    _has_all,
    _merged,
    _split_pairs,
    full_integer,
    rewrite,
)
from rnnlite_pipeline.quantize.outcome import Outcome
from rnnlite_pipeline.quantize.ranges import measure
from rnnlite_pipeline.quantize.skip import SKIPPED, Skip
from tests.lower.cases import Case, random_lstm
from tests.quantize.author import model_of
from tests.quantize.single import feed, graph, single, weight

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def config(path: Path, scheme: str = "int8", **parts: Any) -> Config:
    """A config that quantizes by the samples of a file."""
    quantization = {"scheme": scheme, "calibration": {"path": str(path)}}
    quantization |= parts.pop("quantization", {})
    source = {"format": "keras", "path": "model.keras"}
    values = {"name": "model", "source": source, "quantization": quantization, **parts}
    return Config.model_validate(values)


def _calibrated(folder: Path, **parts: Any) -> tuple[Model, list[Outcome]]:
    """An LSTM and a dense layer, time-major, calibrated on 5 samples of 6 steps."""
    model = model_of(Case((random_lstm(np.random.default_rng(3), 5, 12),), outputs="y"), classes=4)
    x = np.random.default_rng(0).normal(size=(5, 6, 5)).astype(np.float32)
    np.savez(folder / "c.npz", x=x)
    return model, full_integer(model, config(folder / "c.npz", **parts), Skip())


def test_the_data_has_its_batch_in_front(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever axis the model has it on: 5 samples are counted, and every layer is int8."""
    model, outcomes = _calibrated(tmp_path)
    assert {o.became for o in outcomes} == {"int8"}
    assert {o.op for o in outcomes} >= {LSTM, "FULLY_CONNECTED"}
    assert "calibrated on 5 samples" in capsys.readouterr().out
    assert [t.dtype for t in (*model.main.inputs, *model.main.outputs)] == ["FLOAT32"] * 2


def test_the_interface_is_as_the_config_asks(tmp_path: Path) -> None:
    """Integers in, numbers out."""
    model, _ = _calibrated(tmp_path, quantization={"input_type": "int8"})
    assert [t.dtype for t in (*model.main.inputs, *model.main.outputs)] == ["INT8", "FLOAT32"]


def test_int16_lstms_are_for_other_runtimes(tmp_path: Path) -> None:
    """LiteRT has no kernel, and says so only when the model is loaded."""
    with pytest.raises(NotConvertible, match="no int16x8 LSTM kernel") as caught:
        _calibrated(tmp_path, scheme="int16x8")
    assert "tflm" in caught.value.remedy


def test_what_stays_float_has_no_int8_weights_in_int16x8() -> None:
    """TFLM has no hybrid kernels; int8 has them, with the reason that it is not more."""
    for scheme, became in (("int8", "int8 weights"), ("int16x8", "float32")):
        model = single("BATCH_MATMUL", [(2, 5, 8), weight(8, 16)], [(2, 5, 16)])
        ranges = measure(model, iter([feed(model, 0)]))
        (outcome,) = rewrite(model, scheme, ranges, Skip())
        assert (outcome.became, outcome.reason) == (became, "it has no integer form")


def test_ops_of_one_name_keep_their_own_outcomes() -> None:
    """A name of an op in integers is not that of the one that has int8 weights alone."""
    whole, left = Outcome("y", "ADD", "int8"), Outcome("y", "ADD", "float32", "why")
    other = Outcome("y", "ADD", "float32", "another")
    weights = Outcome("y", "ADD", "int8 weights", "decoded")
    same = Outcome("y/real", "ADD", "float32", "few")
    assert _merged([whole, left, other], [weights, same]) == [
        whole,
        Outcome("y", "ADD", "int8 weights", "why"),
        other,
    ]
    inside = Outcome("y", "ADD", "int8 weights", "", "body")
    assert _merged([left], [inside]) == [left, inside]
    assert _merged([], []) == []


def _directions(*turned: bool, same: bool = True) -> Model:
    """Fused layers over one x, each in its direction."""
    x = Tensor("x", "FLOAT32", (2, 6, 5))
    others = [x if same else Tensor(f"x{k}", "FLOAT32", (2, 6, 5)) for k in range(len(turned))]
    ops: list[Op] = []
    for k, (each, turn) in enumerate(zip(others, turned, strict=True)):
        read = Tensor(f"turned{k}", "FLOAT32", (2, 6, 5)) if turn else each
        if turn:
            ops.append(make_op("REVERSE_V2", [each, weight(1)], [read]))
        ops.append(Op(LSTM, [read], [Tensor(f"y{k}", "FLOAT32", (2, 6, 5))]))
    return graph([x], [], ops)


@pytest.mark.parametrize(
    ("model", "pairs"),
    [
        (_directions(False, True), {"y0", "y1"}),
        (_directions(True, False, False), {"y0", "y1", "y2"}),
        (_directions(False, False), set()),
        (_directions(True), set()),
        (_directions(False, True, same=False), set()),
        (graph([], [], [Op("ADD", [None, None], [])]), set()),
    ],
)
def test_layers_of_both_directions_are_found(model: Model, pairs: set[str]) -> None:
    """Over one x, one of them turned round."""
    assert _split_pairs(model) == pairs
    assert "no integer form" in SPLIT


def test_fused_layers_without_a_form_are_refused_where_fused_is_asked_for(tmp_path: Path) -> None:
    """Each with its reason; what the config skips is none of them."""
    fused = config(tmp_path / "c.npz", recurrent={"lowering": "fused"})
    left = Outcome("y", LSTM, "int8 weights", "its cell state reaches 70")
    skipped = Outcome("z", LSTM, "float32", SKIPPED)
    dense = Outcome("d", "FULLY_CONNECTED", "float32", "why")
    with pytest.raises(NotConvertible, match="reaches 70") as caught:
        _check_runnable([left, skipped, dense], fused)
    assert "z (" not in str(caught.value)
    _check_runnable([skipped, dense], fused)
    _check_runnable([left], config(tmp_path / "c.npz"))


def test_states_of_the_data_are_all_there_or_none(tmp_path: Path) -> None:
    """A file that cannot be read has none; what is wrong with it is told when it is."""
    np.savez(tmp_path / "c.npz", x=np.zeros(2), h_in=np.zeros(2))
    h, c = (State(name, np.zeros((1, 2))) for name in "hc")
    assert _has_all(tmp_path / "c.npz", [h])
    assert _has_all(tmp_path / "c.npz", [])
    assert not _has_all(tmp_path / "c.npz", [h, c])
    (tmp_path / "d.npz").write_bytes(b"no zip")
    assert not _has_all(tmp_path / "d.npz", [h])
