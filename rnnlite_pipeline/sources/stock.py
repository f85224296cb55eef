"""What TensorFlow's own converter makes of a source, with nothing of this package in between.

    python -m rnnlite_pipeline.sources.stock CONFIG OUT ATTEMPT

The converter can crash its process: each attempt has one of its own.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlite_pipeline.child import run_apart, tell
from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.errors import RnnliteError, StageError
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.edit import ports
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.sources.model import Array, SourceModel, first_line
from rnnlite_pipeline.sources.opening import FORMATS
from rnnlite_pipeline.toolchain import load

#: What is tried, in this order, and how it is told. With Keras 3 the first is what its users do.
ATTEMPTS: dict[str, str] = {
    "keras": "from_keras_model, batch 1",
    "builtins": "from_concrete_functions, batch 1",
    "fixed": "from_concrete_functions, every dimension fixed",
    "select_tf_ops": "from_concrete_functions with SELECT_TF_OPS, batch 1",
}

Pins = Mapping[str, Sequence[int | None]]


def stock(config: Path, out: Path, attempt: str, pins: Pins) -> str:
    """Writes `out/.work/stock.tflite`, and `stock.json`: the source's name of each input.

    Args:
        config: The model's config.
        out: The model's folder.
        attempt: A key of `ATTEMPTS`.
        pins: The shape of every input.

    Returns:
        Why there is none; empty where there is one.
    """
    module = "rnnlite_pipeline.sources.stock"
    told, why = run_apart(module, [str(config), str(out), attempt, json.dumps(dict(pins))])
    return f"the converter {why}" if why else told


def _written(config: Path, out: Path, attempt: str, pins: Pins) -> str:
    """As `stock`, in its process."""
    try:
        source, content = _converted(load_config(config), attempt, pins)
    except RnnliteError as error:
        return str(error.message)
    except Exception as error:  # noqa: BLE001  # whatever the converter raises is the result
        print(error, flush=True)
        return first_line(error)
    inputs = _named(content, [spec.name for spec in source.inputs])
    write_atomically(out / ".work" / "stock.json", json.dumps(inputs).encode() + b"\n")
    write_atomically(out / ".work" / "stock.tflite", content)
    return ""


def _named(content: bytes, names: Sequence[str]) -> dict[str, str]:
    """The source's name of each input: its own where it kept it, else that in its place."""
    own = [name for name, _ in ports(read_model(content), "inputs")]
    if set(own) == set(names):
        return {name: name for name in own}
    return dict(zip(own, names, strict=False))


def _converted(config: Config, attempt: str, pins: Pins) -> tuple[SourceModel, bytes]:
    module = importlib.import_module(FORMATS[config.source.format])
    if config.source.format != "tflite":
        pinned = config.source.model_copy(update={"inputs": pins})
        config = config.model_copy(update={"source": pinned})
    source: SourceModel = module.open_source(config)
    if source.content is not None:
        return source, source.content
    lite = load("tensorflow").lite
    converter = _converter(source, attempt, lite.TFLiteConverter)
    if attempt == "select_tf_ops":
        converter.target_spec.supported_ops = [
            lite.OpsSet.TFLITE_BUILTINS,
            lite.OpsSet.SELECT_TF_OPS,
        ]
    _quantize(converter, config, lite, [spec.name for spec in source.inputs])
    return source, bytes(converter.convert())


def _converter(source: SourceModel, attempt: str, converters: Any) -> Any:
    if attempt == "keras":
        if source.keras_model is None:
            raise StageError("the source is no model of Keras 3")
        return converters.from_keras_model(source.keras_model())
    function = source.trace()
    return converters.from_concrete_functions([function], function)


def _quantize(converter: Any, config: Config, lite: Any, names: Sequence[str]) -> None:
    """Asks for what the config asks of this package."""
    scheme = config.quantization.scheme
    if scheme == "none":
        return
    converter.optimizations = [lite.Optimize.DEFAULT]
    if scheme == "float16":
        converter.target_spec.supported_types = [load("tensorflow").float16]
    calibration = config.quantization.calibration
    if calibration is None:
        return
    path = config.resolve(calibration.path)
    converter.representative_dataset = lambda: _samples(path, names, calibration.samples)
    if scheme == "int16x8":
        converter.target_spec.supported_ops = [
            lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]


def _samples(path: Path, names: Sequence[str], count: int) -> Iterator[list[Array]]:
    with np.load(path, allow_pickle=False) as file:
        arrays = [file[name] for name in names]
    for row in range(min(len(arrays[0]), count)):
        yield [array[row : row + 1] for array in arrays]


if __name__ == "__main__":
    tell(
        lambda: _written(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
    )
