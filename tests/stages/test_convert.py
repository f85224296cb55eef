"""The stages convert and describe: what is refused, and what they leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnlite_pipeline.config import Config
from rnnlite_pipeline.errors import ConfigError, NotConvertible
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.ir import Model, Op, Signature, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.lower.unrolled import unroll
from rnnlite_pipeline.metadata import read_description
from rnnlite_pipeline.runtimes import RUNTIMES
from rnnlite_pipeline.stages.convert import (
    Conversion,
    check_convertible,
    convert_graph,
    describe,
    in_part,
    read_limits,
    read_source,
    unsuited,
)
from tests.passes.golden_models import lstm
from tests.recognise.author import Author
from tests.recognise.spelling import Spelling
from tests.runtimes.models import a_gru, an_lstm, dense, in_integers, lowered


def _steps(interface: str) -> Model:
    model = in_integers(lowered(a_gru(), "unrolled"), "int8", interface)
    unroll(model, every=True)
    return model


MODELS = {
    "float loop": lowered(a_gru(), "loop"),
    "open loop": lowered(a_gru(), "loop", open_batch=True, open_steps=True),
    "fused": lowered(an_lstm(), "fused"),
    "int8 steps": _steps("int8"),
    "int8 steps, float inputs": _steps("float32"),
}


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("int8 steps, float inputs", "ethos-u55", True),  # QUANTIZE and DEQUANTIZE are the CPU's
        ("int8 steps", "ethos-u55", False),  # all of it is taken
        ("float loop", "qualcomm", True),  # the product with the input is taken, WHILE is not
        ("open loop", "qualcomm", False),  # an open size is nothing that a CPU helps with
        ("fused", "qualcomm", False),  # nor is a variable tensor: the model is not loaded
        ("fused", "litert-compiled", False),  # there is no CPU behind it
        ("fused", "litert", False),
    ],
)
def test_in_part(name: str, target: str, expected: bool) -> None:
    """Ops may be left to a CPU; a demand on the whole model has to be met."""
    model = MODELS[name]
    assert in_part(target, model, RUNTIMES[target].judge(model)) is expected


def _config(**values: Any) -> Config:
    source = {"format": "tflite", "path": "m.tflite"}
    return Config.model_validate({"name": "m", "source": source} | values)


def _chain(*ops: tuple[str, str], custom: bool = True) -> Model:
    """Ops one after the other, each with the type of its result."""
    tensors = [Tensor("x", "FLOAT32", (1, 8))]
    made = []
    for number, (code, dtype) in enumerate(ops):
        tensors.append(Tensor(f"layer{number}/{code}", dtype, (1, 8)))
        made.append(Op(code, [tensors[-2]], [tensors[-1]], custom=custom))
    main = Subgraph("main", [tensors[0]], [tensors[-1]], made)
    signature = Signature("serving_default", main, {"x": tensors[0]}, {"y": tensors[-1]})
    return Model([main], [signature])


def _refused(model: Model, config: Config, layers: Sequence[Layer] = ()) -> NotConvertible:
    with pytest.raises(NotConvertible) as told:
        check_convertible(Conversion(model, tuple(layers)), config)
    return told.value


def test_complex_numbers_end_in_one_reason() -> None:
    """One error names the complex ops and what converts, and lists no other op."""
    model = _chain(("FlexCast", "COMPLEX64"), ("FlexFFT", "COMPLEX64"), ("FlexReal", "FLOAT32"))
    error = _refused(model, _config())
    assert "no op for Cast, FFT, Real of them" in error.message
    assert "rfft" in error.remedy


def test_another_precision_is_said_before_its_ops() -> None:
    """In float32 LiteRT may have them."""
    error = _refused(_chain(("FlexBiasAdd", "FLOAT64")), _config())
    assert "computes in float64, and LiteRT in float32: in float64 it has no op for BiasAdd" in (
        error.message
    )


def test_an_op_that_litert_lacks_is_named_with_the_flag_that_keeps_it() -> None:
    """Each op with its layer, and each flag once; what the config keeps is no error."""
    model = _chain(("FlexA", "FLOAT32"), ("FlexB", "FLOAT32"), ("Mine", "FLOAT32"))
    error = _refused(model, _config())
    assert "no op for A (layer0/FlexA), B (layer1/FlexB), Mine (layer2/Mine)." in error.message
    assert "converter.allow_custom_ops: true and converter.select_tf_ops: true" in error.remedy
    some = _refused(model, _config(converter={"select_tf_ops": True}))
    assert "no op for Mine (layer2/Mine)." in some.message
    both = _config(converter={"select_tf_ops": True, "allow_custom_ops": True})
    check_convertible(Conversion(model, ()), both)


def test_loops_where_fused_ops_were_asked_for() -> None:
    """Each layer that is a loop is named with its reason; with `auto` it may stay one."""
    layers = [
        Layer("good", None, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        Layer("bad", None, "WHILE", "it masks"),
    ]
    error = _refused(dense(), _config(recurrent={"lowering": "fused"}), layers)
    assert error.message.endswith(
        "1 of 2 recurrent layers have no fused op that computes the same:\n  bad: it masks"
    )
    check_convertible(Conversion(dense(), tuple(layers)), _config())
    check_convertible(Conversion(dense(), (layers[0],)), _config(recurrent={"lowering": "fused"}))


def test_a_target_that_cannot_run_the_model() -> None:
    """Every target is named with what it refuses; LiteRT itself was asked before."""
    fused = MODELS["fused"]
    config = _config(targets=("litert", "litert-compiled", "litert-web"))
    assert [verdict.target for verdict in unsuited(fused, config)] == [
        "litert-compiled",
        "litert-web",
    ]
    message = _refused(fused, config).message
    assert "litert-compiled" in message
    assert "litert-web" in message
    assert unsuited(MODELS["float loop"], config) == []
    assert unsuited(fused, _config()) == []


def test_an_accelerator_may_leave_ops_to_the_cpu_and_not_all() -> None:
    """What it takes in part suits; a model of which it takes nothing does not."""
    assert unsuited(MODELS["int8 steps, float inputs"], _config(targets=("ethos-u55",))) == []
    assert len(unsuited(dense(rows=1), _config(targets=("ethos-u55",)))) == 1


def test_an_op_that_the_config_keeps_is_not_held_against_a_target() -> None:
    """LiteRT lacks it too, and the user adds it there."""
    model = _chain(("Mine", "FLOAT32"))
    assert unsuited(model, _config(targets=("tflm",))) == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The folder of a release whose source has one layer, no state, and an op that nobody reads."""
    model = dense()
    unread = make_op("ABS", [model.main.inputs[0]], [Tensor("unread", "FLOAT32", (-1, 4))])
    model.main.ops.append(unread)
    return _imported(tmp_path, write_model(model))


def _imported(folder: Path, content: bytes) -> Path:
    (folder / ".work").mkdir()
    (folder / ".work" / "source.tflite").write_bytes(content)
    (folder / ".work" / "source.json").write_text('{"limits": {"x": [0, 5]}}')
    return folder


def test_limits_of_whole_numbers(tmp_path: Path) -> None:
    """As the import found them; a source that has none has none."""
    assert read_limits(_imported(tmp_path, b"")) == {"x": range(5)}
    (tmp_path / ".work" / "source.json").write_text("{}")
    assert read_limits(tmp_path) == {}


def test_a_source_has_a_signature(tmp_path: Path) -> None:
    """A file without one gets one, so that its inputs and outputs have names."""
    model = dense()
    model.signatures.clear()
    (signature,) = read_source(_imported(tmp_path, write_model(model))).signatures
    assert list(signature.inputs) == ["x"]


def test_a_file_that_needs_nothing_stays_as_it_is(out: Path) -> None:
    """A .tflite source in which nothing is recurrent and of which nothing is asked."""
    content = (out / ".work" / "source.tflite").read_bytes()
    convert_graph(_config(), out)
    assert (out / ".work" / "converted.tflite").read_bytes() == content
    describe(_config(), out)
    assert (out / "model.tflite").read_bytes() == content


@pytest.mark.parametrize(
    "values",
    [
        {"quantization": {"scheme": "float16"}},
        {"recurrent": {"state": "reset"}},
        {"source": {"format": "keras", "path": "m.keras"}},
    ],
    ids=["quantized", "state", "another format"],
)
def test_a_file_that_is_written_anew(out: Path, values: dict[str, Any]) -> None:
    """Where something is asked for, or the file is no user's; the model has its metadata then."""
    content = (out / ".work" / "source.tflite").read_bytes()
    config = _config(**values)
    convert_graph(config, out)
    assert (out / ".work" / "converted.tflite").read_bytes() != content
    describe(config, out)
    described = read_description(read_model((out / "model.tflite").read_bytes()))
    assert described is not None


def test_metadata_alone_does_not_convert(out: Path) -> None:
    """The ops and constants of a file stay, and its metadata is the config's."""
    config = _config(metadata={"author": "me"})
    convert_graph(config, out)
    describe(config, out)
    model = read_model((out / "model.tflite").read_bytes())
    assert [op.code for op in model.ops()] == ["FULLY_CONNECTED", "TANH", "ABS"]
    assert "me" in str(read_description(model))


def test_metadata_of_what_the_model_does_not_have(out: Path) -> None:
    """It is the config's error, and no model is left."""
    config = _config(metadata={"inputs": ({"name": "other"},)})
    convert_graph(config, out)
    with pytest.raises((ConfigError, NotConvertible), match="other"):
        describe(config, out)
    assert not (out / "model.tflite").exists()


def test_what_a_conversion_prints_and_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each layer, the layers for later stages, and the graph after each pass."""
    out = _imported(tmp_path, write_model(Author([lstm()], Spelling()).model()))
    convert_graph(_config(), out, dump_passes=tmp_path / "dump")
    printed = capsys.readouterr().out.splitlines()
    layers = json.loads((out / ".work" / "layers.json").read_text())
    assert len(printed) >= 1
    assert layers
    assert "recognise" in (tmp_path / "dump" / "index.txt").read_text()


def test_a_refused_conversion_leaves_its_passes(tmp_path: Path) -> None:
    """And no model: what to debug is there, what to ship is not."""
    out = _imported(tmp_path, write_model(_chain(("FlexA", "FLOAT32"))))
    with pytest.raises(NotConvertible):
        convert_graph(_config(), out, dump_passes=tmp_path / "dump")
    assert (tmp_path / "dump" / "index.txt").is_file()
    assert not (out / ".work" / "converted.tflite").exists()
