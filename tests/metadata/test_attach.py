"""Metadata: what is written, what is read back, and what is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlite_pipeline.errors import ConfigError
from rnnlite_pipeline.graph.ir import Model, Op, Subgraph, Tensor
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.metadata import described_model, differences, read_description
from rnnlite_pipeline.metadata.recurrent import state_policy
from rnnlite_pipeline.metadata.schema import BUFFER_NAME
from rnnlite_pipeline.runtimes.interpreter import Runner
from tests.metadata.described import CONFIG, LABELS, config, layer, model

BARE = "name: digits\nsource: {format: keras, path: m.keras}\n"


def test_everything_told_is_read_back(tmp_path: Path) -> None:
    """Name, texts, tensors in the graph's order by signature name, content, units, range, files."""
    said = config(tmp_path)
    read = read_model(described_model(model(), said, [layer()]))
    found = read_description(read)
    assert found.fields is not None
    texts = {key: found.fields[key] for key in ("name", "version", "description", "author")}
    assert texts == {
        "name": "digits",
        "version": "1.2.0",
        "description": "Reads digits — row by row",
        "author": "me",
    }
    (image,), (probabilities,) = found.tensors("inputs"), found.tensors("outputs")
    assert image["name"] == "image"
    assert image["dimension_names"] == ["batch", "row", "column"]
    assert image["content"]["content_properties_type"] == 2
    assert image["content"]["content_properties"] == {"color_space": 2}
    (unit,) = image["process_units"]
    np.testing.assert_allclose([unit["options"]["mean"], unit["options"]["std"]], [[0.1], [0.3]])
    assert image["stats"] == {"max": [1.0], "min": [0.0]}
    assert probabilities["associated_files"] == [{"name": "digits.txt", "type": 2}]
    assert found.files == {"digits.txt": LABELS.encode()}
    assert found.recurrent["layers"] == [{"name": "rows", "op": "WHILE"}]
    assert read.metadata["min_runtime_version"] == b"1.14.0"
    assert differences(read, said) == []


def test_the_model_still_runs_and_the_zip_has_absolute_offsets(tmp_path: Path) -> None:
    """LiteRT ignores what follows the flatbuffer; offsets count from the file's start, stored."""
    content = described_model(model(), config(tmp_path), [])
    runner = Runner(content)
    image = np.ones((2, 8, 8), np.float32)
    np.testing.assert_allclose(runner.run({"image": image})["probabilities"], np.full((2, 3), 64.0))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (member,) = archive.infolist()
    assert member.date_time == (1980, 1, 1, 0, 0, 0)
    assert (member.create_system, member.compress_type) == (3, zipfile.ZIP_STORED)
    (directory,) = struct.unpack("<I", content[-6:-2])
    assert content[directory : directory + 4] == b"PK\x01\x02"
    assert content[member.header_offset : member.header_offset + 4] == b"PK\x03\x04"


def test_equal_configs_give_equal_bytes(tmp_path: Path) -> None:
    """Another folder changes nothing."""
    folders = [tmp_path / "a", tmp_path / "b c"]
    made = []
    for folder in folders:
        folder.mkdir()
        made.append(described_model(model(), config(folder), [layer()]))
    assert made[0] == made[1]


def test_a_bare_config_tells_names_and_recurrent_facts(tmp_path: Path) -> None:
    """Without `metadata:` the file still says its name, its tensors and its state policy."""
    bare = config(tmp_path, BARE)
    content = described_model(model(), bare, [layer()])
    found = read_description(read_model(content))
    assert [each["name"] for each in found.tensors("inputs")] == ["image"]
    assert found.recurrent["state"] == "none"
    assert not found.files
    assert differences(read_model(content), bare) == []


def test_a_tflite_source_keeps_its_own_metadata(tmp_path: Path) -> None:
    """Where the config tells nothing, what the source told stays, its files included."""
    first = read_model(described_model(model(), config(tmp_path), []))
    first.metadata["made longer"] = b"x" * 100  # the zip moves: its offsets must follow
    again = described_model(first, config(tmp_path, BARE), [])
    assert read_description(read_model(again)).files == {"digits.txt": LABELS.encode()}
    with zipfile.ZipFile(io.BytesIO(again)) as archive:
        assert again[archive.infolist()[0].header_offset :][:2] == b"PK"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: image", "name: imge", "has no input `imge`. Did you mean image?"),
        ("name: probabilities", "name: scores", "has no output `scores`. There are probabilities"),
        ("[batch, row, column]", "[batch, row]", "2 names; `image` has 3 dimensions"),
        ("mean: [0.1], std: [0.3]", "mean: [0, 1], std: [1, 1]", "has 8 channels; give 1 or 8"),
        ("labels: digits.txt", "labels: no.txt", "no such file: "),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """A wrong name, count or file is a config error with its line."""
    text = CONFIG.replace(old, new)
    line = next(i for i, each in enumerate(text.splitlines(), 1) if new in each)
    with pytest.raises(ConfigError) as caught:
        described_model(model(), config(tmp_path, text), [])
    (problem,) = caught.value.details
    assert said in problem.message
    assert problem.line == line


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("a\nb\n", "has 2 labels; `probabilities` is 3 wide"),
        ("a\nb\nc\nd", "has 4 labels"),
        ("", "the file is empty"),
    ],
)
def test_labels_are_counted(tmp_path: Path, labels: str, said: str) -> None:
    """There is one label for each value of the output."""
    with pytest.raises(ConfigError, match=said):
        described_model(model(), config(tmp_path, labels=labels), [])


def test_windows_line_ends_and_no_last_one_are_labels_too(tmp_path: Path) -> None:
    """Three labels are three, however their lines end."""
    described_model(model(), config(tmp_path, labels="a\r\nb\r\nc"), [])


def test_a_difference_from_the_config_is_told(tmp_path: Path) -> None:
    """Each field that is not as in the config is named, files included."""
    content = described_model(model(), config(tmp_path), [])
    changed = config(tmp_path, CONFIG.replace("author: me", "author: you"), "a\nb\nc\n")
    assert differences(read_model(content), changed) == [
        "author: 'me' instead of 'you'",
        "the file digits.txt differs",
    ]
    without = read_model(content)
    del without.metadata[BUFFER_NAME]
    assert differences(without, config(tmp_path)) == ["the model has no metadata"]


def test_what_else_follows_a_flatbuffer_stays(tmp_path: Path) -> None:
    """Bytes behind a source that has no metadata are nobody's to drop."""
    followed = replace(model(), trailer=b"something of another tool" * 10)
    content = described_model(followed, config(tmp_path, BARE), [])
    assert content.endswith(b"something of another tool")


@pytest.mark.parametrize(
    ("written", "asked", "policy"),
    [(True, "source", "reset"), (False, "source", "persist"), (True, "explicit", "explicit")],
)
def test_the_state_policy_is_read_off_the_graph(written: bool, asked: str, policy: str) -> None:
    """A state that an op writes is reset at every call; one that none writes persists."""
    x = Tensor("x", "FLOAT32", (1, 2))
    state = Tensor("state", "FLOAT32", (1, 2), is_variable=True)
    y = Tensor("y", "FLOAT32", (1, 2))
    ops = [Op("FILL", [], [state])] if written else []
    ops.append(Op("UNIDIRECTIONAL_SEQUENCE_RNN", [x, state], [y]))
    assert state_policy(Model([Subgraph("main", [x], [y], ops)]), asked) == policy
