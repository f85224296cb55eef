"""The stage inspect: what becomes of each layer, as JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.stages.inspect import REASONS, inspect, table, weight_bytes
from tests.passes.golden_models import lstm
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.runtimes.models import dense


def _findings(**more: Any) -> dict[str, Any]:
    """The findings of a model without anything in it."""
    nothing = {
        "name": "m",
        "recurrences": [],
        "composites": [],
        "ops_before": {},
        "ops": {},
        "missing_ops": [],
        "quantization": [],
        "targets": {},
        "bytes": 1000,
        "float_bytes": 0,
        "weight_bytes": 0,
        "multiply_adds": {"fixed": 0, "per_step": 0},
    }
    return nothing | more


def _layer(name: str, op: str = "WHILE", reason: str = "", gain: str = "") -> dict[str, Any]:
    return {"name": name, "op": op, "reason": reason, "gain": gain}


def _lines(**more: Any) -> list[str]:
    return table(_findings(**more)).splitlines()


def test_a_model_without_recurrent_layers() -> None:
    """It says so, and that no op is missing; no line ends with a blank."""
    lines = _lines(ops={"ADD": 1, "MUL": 3, "ABS": 1}, weight_bytes=1234)
    assert lines[0] == "no recurrent layers"
    assert "size            1,000 bytes; weights 1,234" in lines
    assert "ops             3 MUL, 1 ABS, 1 ADD" in lines
    assert "missing ops     none" in lines
    assert not any(line != line.rstrip() for line in lines)


def test_the_columns_of_layers() -> None:
    """A layer that was read has its cell and sizes; one that was not is a loop."""
    read = _layer("lstm", "UNIDIRECTIONAL_SEQUENCE_LSTM") | {
        "cell": "LSTM",
        "features": 3,
        "units": 128,
        "direction": "backward",
    }
    lines = _lines(recurrences=[read, _layer("a_much_longer_name", reason="it masks")])
    assert lines[:3] == [
        "layer               cell  features  units  direction  becomes",
        "lstm                LSTM  3         128    backward   UNIDIRECTIONAL_SEQUENCE_LSTM",
        "a_much_longer_name  loop                              WHILE",
    ]
    assert "a_much_longer_name stays a loop: it masks" in lines


def test_why_a_layer_is_as_it_is() -> None:
    """A loop and steps that are written out have their reason; what would be faster is told."""
    lines = _lines(
        recurrences=[
            _layer("a", "UNROLLED", "the target has no loop"),
            _layer("b", "UNIDIRECTIONAL_SEQUENCE_RNN", gain="a loop is faster"),
        ]
    )
    assert "a is written out: the target has no loop" in lines
    assert "b: a loop is faster" in lines
    assert not any(line.startswith("b stays") for line in lines)


def test_annotated_functions_and_missing_ops() -> None:
    """Each with who converts it; each with its places and the flag that would keep it."""
    lines = _lines(
        composites=[{"name": "own.Cell", "layer": "rnn", "package": "own 1.0"}],
        missing_ops=[{"op": "FFT", "places": ["a", "b"], "kept_by": "converter.select_tf_ops"}],
    )
    assert "rnn is own.Cell, by own 1.0" in lines
    assert "missing op      FFT (a, b); converter.select_tf_ops would keep it" in lines
    assert "missing ops     none" not in lines


def test_what_was_quantized() -> None:
    """Ops without a reason are counted by what they became; each other one is named."""
    lines = _lines(
        quantization=[
            {"name": "a", "op": "ADD", "became": "int8"},
            {"name": "b", "op": "MUL", "became": "float32", "reason": "skip names it"},
            {"name": "c", "op": "ADD", "became": "int8"},
            {"name": "d", "op": "ADD", "became": "float32"},
        ]
    )
    assert "quantized       1 ops float32, 2 ops int8" in lines
    assert "quantized       b (MUL): float32, skip names it" in lines


def test_the_size_beside_that_in_float() -> None:
    """Where a model was quantized."""
    (line,) = (each for each in _lines(float_bytes=4000) if each.startswith("size"))
    assert "1,000" in line
    assert "4,000" in line


def _verdict(*reasons: str, in_part: bool = False) -> dict[str, Any]:
    return {"held": "table", "takes": not reasons, "in_part": in_part, "reasons": list(reasons)}


@pytest.mark.parametrize(
    ("count", "lines", "more"),
    [(1, 1, ""), (REASONS, REASONS, ""), (REASONS + 1, REASONS, "and 1 more reasons")],
)
def test_reasons_of_a_target(count: int, lines: int, more: str) -> None:
    """The first ones are shown; how many more there are is told, where there are."""
    told = _lines(targets={"tflm": _verdict(*(f"reason {n}" for n in range(count)))})
    shown = [line for line in told if "reason " in line]
    assert len(shown) == lines
    assert shown[0] == "  tflm            no: reason 0"
    assert ("more reasons" in told[-1]) == bool(more)
    assert more in told[-1]


def test_targets_that_take_a_model_and_in_part() -> None:
    """A runtime that takes all of it is told so; an accelerator names what the CPU does."""
    lines = _lines(
        targets={"litert": _verdict(), "qualcomm": _verdict("WHILE stays", in_part=True)}
    )
    assert lines[-2:] == [
        "  litert          yes, by table",
        "  qualcomm        in part; on the CPU: WHILE stays",
    ]


def test_weights_are_counted_once() -> None:
    """However many ops read them, and whichever graph these stand in; inputs are none."""
    weights = Tensor.constant("w", np.ones(6, np.float32))
    x, y, z = (Tensor(name, "FLOAT32", (6,)) for name in "xyz")
    ops = [make_op("ADD", [x, weights], [y]), make_op("MUL", [y, weights], [z])]
    model = Model([Subgraph("main", [x], [z], ops)])
    assert weight_bytes(model) == 24
    assert weight_bytes(Model([Subgraph("main")])) == 0
    optional = Op("FULLY_CONNECTED", [z, weights, None], [x], {}, "FullyConnectedOptions")
    assert weight_bytes(Model([Subgraph("main", [z], [x], [optional])])) == 24


def _inspected(folder: Path, model: Model) -> tuple[dict[str, Any], str]:
    (folder / ".work").mkdir()
    (folder / ".work" / "source.tflite").write_bytes(write_model(model))
    (folder / ".work" / "source.json").write_text("{}")
    source = {"format": "tflite", "path": "m.tflite"}
    inspect(Config.model_validate({"name": "m", "source": source}), folder)
    told: dict[str, Any] = json.loads((folder / "inspect.json").read_text())
    return told, (folder / "inspect.txt").read_text()


def test_a_file_for_programs_and_one_for_people(tmp_path: Path) -> None:
    """Both say the same; every runtime has a verdict, and ops are those before and after."""
    told, text = _inspected(tmp_path, Author([lstm()], Spelling()).model())
    assert sorted(text.splitlines()) == sorted(table(told).splitlines())  # JSON sorts the targets
    (layer,) = told["recurrences"]
    assert (layer["cell"], layer["op"]) == ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert layer["units"] == lstm().states[-1]
    assert set(told["targets"]) == set(RUNTIMES)
    assert "WHILE" in told["ops_before"]
    assert "WHILE" not in told["ops"]
    assert told["weight_bytes"] > 0


def test_a_model_that_could_not_be_converted_is_inspected(tmp_path: Path) -> None:
    """What LiteRT lacks is a finding here, and no error."""
    x, y = (Tensor(name, "FLOAT32", (1, 8)) for name in "xy")
    main = Subgraph("main", [x], [y], [Op("FlexA", [x], [y], custom=True)])
    model = Model([main], [Signature("serving_default", main, {"x": x}, {"y": y})])
    told, text = _inspected(tmp_path, model)
    assert told["missing_ops"] == [
        {"op": "A", "places": ["y"], "kept_by": "converter.select_tf_ops"}
    ]
    assert "missing op      A (y); converter.select_tf_ops would keep it" in text


def test_a_model_without_weights_in_loops(tmp_path: Path) -> None:
    """A plain layer has its products counted a call, and none a step."""
    told, _ = _inspected(tmp_path, dense(rows=2))
    assert told["multiply_adds"] == {"fixed": 48, "per_step": 0}
    assert told["recurrences"] == []
