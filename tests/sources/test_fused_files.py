"""Files of others with fused LSTMs: converted and verified, whatever is asked of their states."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlite_pipeline.config import Config, load_config, pipeline_of
from rnnlite_pipeline.errors import ConfigError, NotConvertible, SourceError
from rnnlite_pipeline.graph.build import make_op
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.ir import OPEN, Model, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.variables import RESET
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower import lower
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.stages.convert import convert
from rnnlite_pipeline.stages.import_source import import_source
from rnnlite_pipeline.stages.verify import verify
from tests.lower.cases import Case, random_lstm

REAL = Path(__file__).parents[3] / "shared" / "fixtures" / "real"
#: A worktree stands one folder deeper than the project.
FOUND = REAL if REAL.is_dir() else REAL.parents[3] / "shared" / "fixtures" / "real"
FUSED = ("trained_lstm", "trained_lstm_int8", "micro_speech_lstm", "dtln_noise_suppression")


def published(name: str) -> Path:
    """One of the published files."""
    path = FOUND / name
    if not path.is_file():
        pytest.skip(f"files of others are not part of the project, and {path} is not there")
    return path


def asked(folder: Path, path: Path, *lines: str) -> Config:
    """A config on a .tflite file, read as users write it."""
    source = f"source: {{format: tflite, path: {path}"
    rest = [line for line in lines if not line.startswith("source.")]
    keys = [line.removeprefix("source.") for line in lines if line.startswith("source.")]
    text = "\n".join(["name: model", ", ".join([source, *keys]) + "}", *rest])
    (folder / "model.yaml").write_text(text)
    return load_config(folder / "model.yaml")


def made(config: Config, out: Path) -> dict[str, Any]:
    """Imports, converts and verifies; returns verification.json."""
    import_source(config, out)
    convert(config, out)
    verify(config, out, pipeline_of(config))
    found: dict[str, Any] = json.loads((out / "verification.json").read_text())
    return found


def leaky(batch: int = 1, steps: int = OPEN, **attributes: Any) -> Model:
    """A fused LSTM as TensorFlow's converter writes it: nobody writes its states."""
    cell = random_lstm(np.random.default_rng(0), 3, 4, **attributes)
    sizes: dict[str, Any] = {"batch": batch, "open_batch": False}
    sizes |= {"steps": steps, "open_steps": steps == OPEN}
    model = Case((cell,), **sizes, outputs="y", time_major=False).model()
    lower(model, "fused")
    model.main.ops = [op for op in model.main.ops if op.code != "FILL"]
    ensure_signature(model)
    return model


@pytest.mark.parametrize("state", ["source", "persist", "explicit"])
@pytest.mark.parametrize("name", FUSED)
def test_published_files_convert_and_verify(name: str, state: str, tmp_path: Path) -> None:
    """Each call starts anew, or goes on as the file's do; both on every set of kernels."""
    config = asked(tmp_path, published(f"{name}.tflite"), f"recurrent: {{state: {state}}}")
    found = made(config, tmp_path)
    checks = {check["name"] for check in found["checks"]}
    assert ("call after call equals the source" in checks) == (state != "source")
    errors = [check.get("max_abs_error", 0.0) for check in found["checks"]]
    assert max(errors) == 0.0 or name == "trained_lstm"


def test_the_same_call_twice_gives_the_same(tmp_path: Path) -> None:
    """The published float file answers otherwise the second time; the converted one does not."""
    path = published("trained_lstm.tflite")
    made(asked(tmp_path, path), tmp_path)
    x = np.random.default_rng(0).random((1, 28, 28), np.float32)
    apart = []
    for content in (path.read_bytes(), (tmp_path / "model.tflite").read_bytes()):
        runner = Runner(content)
        first, second = (runner.run({"fixed_input": x}) for _ in range(2))
        apart.append(max(float(np.abs(first[n] - second[n]).max()) for n in first))
    assert apart[0] > 1e-3
    assert apart[1] == 0.0


def test_dynamic_range_files_without_signatures_verify(tmp_path: Path) -> None:
    """DTLN's published file: int8 weights, which each set of kernels rounds its own way."""
    found = made(asked(tmp_path, published("dtln_model_quant_1.tflite")), tmp_path)
    assert all(check["passed"] for check in found["checks"])


def test_persist_can_be_reset(tmp_path: Path) -> None:
    """A kept state goes on from call to call, and the signature reset starts it anew."""
    (tmp_path / "leaky.tflite").write_bytes(write_model(leaky(steps=4)))
    config = asked(tmp_path, tmp_path / "leaky.tflite", "recurrent: {state: persist}")
    made(config, tmp_path)
    runner = Runner((tmp_path / "model.tflite").read_bytes())
    x = {"x": np.ones((1, 4, 3), np.float32)}
    first, second = runner.run(x)["y0"], runner.run(x)["y0"]
    runner.reset()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(runner.run(x)["y0"], first)
    assert RESET in {s.key for s in read_model((tmp_path / "model.tflite").read_bytes()).signatures}


def test_a_clip_can_be_taken_away(tmp_path: Path) -> None:
    """source.cell_clip: 0 changes the source that is verified against as well."""
    model = leaky(steps=40, cell_clip=0.2)
    (tmp_path / "clipped.tflite").write_bytes(write_model(model))
    x = {"x": np.ones((1, 40, 3), np.float32)}
    kept, freed = (
        open_source(asked(tmp_path, tmp_path / "clipped.tflite", *keys)).run(x)["y0"]
        for keys in ((), ("source.cell_clip: 0",))
    )
    assert float(np.abs(kept - freed).max()) > 1e-2
    made(asked(tmp_path, tmp_path / "clipped.tflite", "source.cell_clip: 0"), tmp_path)
    np.testing.assert_allclose(
        Runner((tmp_path / "model.tflite").read_bytes()).run(x)["y0"], freed, atol=1e-5
    )


def test_a_clip_is_no_key_of_other_formats(tmp_path: Path) -> None:
    """0 says something: it is an error where the format has no clips."""
    (tmp_path / "m.yaml").write_text(
        "name: m\nsource: {format: keras, path: m.keras, cell_clip: 0}\n"
    )
    with pytest.raises(ConfigError, match="only for format tflite"):
        load_config(tmp_path / "m.yaml")


def test_a_file_for_one_entry_is_converted_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An open batch that the states do not follow becomes 1, and the log says so."""
    model = leaky(steps=4)
    for tensor in (*model.main.inputs, *model.main.outputs):
        tensor.shape = (OPEN, *(tensor.shape or ())[1:])
    (tmp_path / "one.tflite").write_bytes(write_model(model))
    config = asked(tmp_path, tmp_path / "one.tflite")
    made(config, tmp_path)
    assert "batch of 1" in capsys.readouterr().out
    assert read_model((tmp_path / "model.tflite").read_bytes()).main.inputs[0].shape == (1, 4, 3)


def test_shapes_can_be_pinned(tmp_path: Path) -> None:
    """source.inputs closes what a file leaves open, and contradicts nothing it fixes."""
    (tmp_path / "open.tflite").write_bytes(write_model(leaky()))
    pinned = asked(tmp_path, tmp_path / "open.tflite", "source.inputs: {x: [1, 7, 3]}")
    assert open_source(pinned).inputs[0].shape == (1, 7, 3)
    made(pinned, tmp_path)
    wrong = asked(tmp_path, tmp_path / "open.tflite", "source.inputs: {x: [2, 7, 3]}")
    with pytest.raises(SourceError, match="not change a fixed one"):
        open_source(wrong)


def test_a_backward_half_cannot_go_on(tmp_path: Path) -> None:
    """persist is refused for a bidirectional op, with what to do."""
    rng = np.random.default_rng(0)
    cells = (random_lstm(rng, 3, 4), random_lstm(rng, 3, 4))
    model = Case(cells, batch=1, open_batch=False, steps=4, open_steps=False, outputs="y").model()
    lower(model, "fused")
    model.main.ops = [op for op in model.main.ops if op.code != "FILL"]
    (tmp_path / "both.tflite").write_bytes(write_model(model))
    made(asked(tmp_path, tmp_path / "both.tflite"), tmp_path)
    config = asked(tmp_path, tmp_path / "both.tflite", "recurrent: {state: persist}")
    import_source(config, tmp_path)
    with pytest.raises(NotConvertible, match="backward half"):
        convert(config, tmp_path)


def test_the_states_of_other_ops_are_repaired(tmp_path: Path) -> None:
    """SVDF is no recurrence that is read, and its memory leaks all the same."""
    rng = np.random.default_rng(0)
    x, memory = Tensor("x", "FLOAT32", (1, 3)), Tensor("m/memory", "FLOAT32", (1, 20))
    memory.is_variable = True
    weights = [
        Tensor.constant(f"w{k}", rng.normal(size=shape).astype(np.float32))
        for k, shape in enumerate([(4, 3), (4, 5), (4,)])
    ]
    y = Tensor("y", "FLOAT32", (1, 4))
    op = make_op("SVDF", [x, *weights, memory], [y], rank=1, fused_activation_function="NONE")
    (tmp_path / "m.tflite").write_bytes(write_model(Model([Subgraph("main", [x], [y], [op])])))
    made(asked(tmp_path, tmp_path / "m.tflite"), tmp_path)


def test_no_tensorflow_is_imported(tmp_path: Path) -> None:
    """Import, conversion and verification of a .tflite file need LiteRT alone."""
    (tmp_path / "leaky.tflite").write_bytes(write_model(leaky(steps=4)))
    asked(tmp_path, tmp_path / "leaky.tflite")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.sources.test_fused_files import made\n"
        "from rnnlite_pipeline.config import load_config\n"
        "folder = Path(sys.argv[1])\n"
        "made(load_config(folder / 'model.yaml'), folder)\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
