"""Pipelines: where they are found, what they may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlite_pipeline.config import STAGES, load_config, load_pipeline, pipeline_of
from rnnlite_pipeline.errors import CallError, ConfigError

Write = Callable[[str], Path]


def _pipeline(folder: Path, name: str, text: str) -> Path:
    (folder / "pipelines").mkdir(parents=True, exist_ok=True)
    path = folder / "pipelines" / f"{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [("default", ()), *((n, ("Flex*", "CUSTOM:*")) for n in ("release", "release-quantized"))],
)
def test_the_shipped_pipelines_are_found_from_anywhere(
    name: str, forbidden: tuple[str, ...], tmp_path: Path
) -> None:
    """Each runs all but benchmark; what is released holds no op that LiteRT lacks, ever."""
    pipeline = load_pipeline(name, tmp_path)
    assert pipeline.name == name
    assert pipeline.stages == tuple(stage for stage in STAGES if stage != "benchmark")
    assert pipeline.gates.forbid_ops == forbidden


def test_the_nearest_pipeline_wins(tmp_path: Path) -> None:
    """A pipeline beside the config hides one further up, and that one the shipped one."""
    near = tmp_path / "project" / "configs"
    near.mkdir(parents=True)
    _pipeline(tmp_path, "default", "description: far\n")
    assert load_pipeline("default", near).description == "far"
    _pipeline(tmp_path / "project", "default", "description: near\n")
    assert load_pipeline("default", near).description == "near"


@pytest.mark.parametrize("name", ["relase", "../pipelines/release", "", "a/b"])
def test_an_unknown_pipeline_names_the_known_ones(name: str, tmp_path: Path) -> None:
    """The error lists every name there is; a path is not a name."""
    _pipeline(tmp_path, "mine", "stages: [validate]\n")
    with pytest.raises(CallError, match=r"no pipeline .* default, mine, release") as caught:
        load_pipeline(name, tmp_path)
    assert ("did you mean `release`?" in str(caught.value)) == (name == "relase")


def test_an_unknown_pipeline_is_told_at_its_key(write: Write) -> None:
    """A config that names no pipeline there is gets the line and column of the name."""
    config = load_config(write("name: m\npipeline: relase\nsource: {format: keras, path: a}\n"))
    with pytest.raises(ConfigError) as caught:
        pipeline_of(config)
    assert caught.value.problems[0].startswith("2:11: pipeline: no pipeline `relase`; did you mean")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [verify, convert]\n", "1:18: stages[1]: convert comes before verify"),
        ("stages: [validate, package]\n", "1:20: stages[1]: package needs the stage verify"),
        ("stages: [verify]\n", "1:10: stages[0]: verify needs the stage convert"),
        ("stages: [convert, convert]\n", "1:9: stages: `convert` is listed twice"),
        ("stages: []\n", "1:9: stages: expected a list with at least 1 item(s)"),
        ("stages: [convrt]\n", "1:10: stages[0]: expected validate, inspect, convert"),
        ("gates: {max_byte: 5}\n", "1:9: gates.max_byte: unknown key; did you mean `max_bytes`?"),
        ("gates: {max_bytes: 0}\n", "1:20: gates.max_bytes: expected a number of at least 1"),
        ("gates: {require_ops: {LSTM: 0}}\n", "1:29: gates.require_ops.LSTM: expected true"),
        ("gates: {require_ops: {LSTM: false}}\n", "1:29: gates.require_ops.LSTM: expected true"),
        ("gates: {forbid_ops: Flex*}\n", "1:21: gates.forbid_ops: expected a list"),
        (
            "gates: {require_metadata: [autor]}\n",
            "1:28: gates.require_metadata[0]: the metadata has no",
        ),
        ("gates: {min_accuracy: 2}\n", "1:23: gates.min_accuracy: expected a number of at most 1"),
    ],
)
def test_a_wrong_pipeline_is_told_where_and_what(text: str, said: str, tmp_path: Path) -> None:
    """The file of a pipeline is read by the same rules as a config, one problem a cause."""
    _pipeline(tmp_path, "mine", text)
    with pytest.raises(ConfigError) as caught:
        load_pipeline("mine", tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith(said)
    assert str(caught.value).startswith(str(tmp_path / "pipelines" / "mine.yaml"))


def test_gates_are_read(tmp_path: Path) -> None:
    """Counts, true, patterns and numbers of the gates are kept; what is left out is open."""
    text = "gates: {require_ops: {LSTM: 2, ADD: true}, forbid_ops: [WHILE], max_bytes: 100}\n"
    _pipeline(tmp_path, "mine", text)
    gates = load_pipeline("mine", tmp_path).gates
    assert dict(gates.require_ops) == {"LSTM": 2, "ADD": True}
    assert gates.forbid_ops == ("WHILE",)
    assert gates.max_bytes == 100
    assert gates.min_accuracy is None
    assert gates.needs_labels == ()
