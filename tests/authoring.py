"""Models made in TensorFlow by a child process, and what becomes of them in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlite_pipeline.config import load_config
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.stages.convert import Conversion, converted
from tests.fake.project import ROOT

#: How far a float32 conversion may be from TensorFlow on numbers of the order of 1.
TOLERANCE = 1e-5

CONFIG = """\
name: authored
source: {format: concrete_function, factory: "authors:model"}
"""


def write_models(script: Path, folder: Path) -> Path:
    """Runs an authors' script, which leaves NAME.tflite and NAME.npz in the folder."""
    ended = subprocess.run(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def convert(name: str, folder: Path) -> Conversion:
    """The conversion of one of the authors' models, by a config with every default."""
    model = read_model((folder / f"{name}.tflite").read_bytes())
    return converted(model, load_config(folder / "config.yaml"))


def check_numbers(conversion: Conversion, name: str, folder: Path) -> None:
    """The converted model gives TensorFlow's numbers, three calls in a row."""
    runner = Runner(write_model(conversion.model))
    inputs, outputs = _arrays(name, folder, "in"), _arrays(name, folder, "out")
    for _ in range(3):
        results = runner.run(inputs)
        for key, value in outputs.items():
            np.testing.assert_allclose(results[key], value, atol=TOLERANCE, err_msg=key)


def _arrays(name: str, folder: Path, side: str) -> dict[str, NDArray[np.float32]]:
    with np.load(folder / f"{name}.npz") as file:
        return {k.removeprefix(f"{side}/"): file[k] for k in file.files if k.startswith(f"{side}/")}
