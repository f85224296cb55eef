"""Reading a config: the YAML rules, the limits, and what comes of it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from rnnlite_pipeline.config import Config, load_config
from rnnlite_pipeline.errors import CallError, ConfigError

Write = Callable[[str], Path]

GOOD = """\
# yaml-language-server: $schema=./schema.json
name: digits-bilstm
version: 1.0.0-rc.1+b7
pipeline: release
source:
  format: keras
  path: models/digits.keras
  sha256: {sha}
  inputs: {{x: [null, 8, 8]}}
  custom_objects: {{Attention: my.layers:Attention}}
  allow_lambda: true
recurrent: {{time_major: true, bidirectional: split, state: explicit, lowering: loop}}
quantization:
  scheme: int8
  calibration: {{path: calibration.npz, samples: 20}}
  input_type: uint8
  output_type: int8
  skip: [dense]
converter: {{allow_custom_ops: true}}
verification:
  data: {{path: test.npz}}
  min_accuracy: 0.97
  max_accuracy_drop: 0.005
  runtimes: [litert, tflm]
metadata:
  description: Digits
  inputs: [{{name: x, normalization: {{mean: [1], std: [2.5]}}, range: [0, 1]}}]
  outputs: [{{name: y, labels: digits.txt}}]
package: {{include: [README.md]}}
annotations: {{team: vision}}
""".format(sha="ab" * 32)


def test_the_smallest_config_has_all_defaults(write: Write) -> None:
    """Only name and source are required."""
    config = load_config(write("name: m\nsource: {format: keras, path: m.keras}\n"))
    assert config.version == "0.0.0"
    assert config.pipeline == "default"
    assert config.recurrent.time_major == "keep"
    assert config.quantization.scheme == "none"
    assert config.verification.data.random is not None
    assert config.verification.data.random.samples == 32
    assert config.meant_for == ("litert",)
    assert config.normalized()["verification"]["runtimes"] == ["litert"]
    assert config.metadata is None
    assert config.tolerance == 1e-5


def test_the_tolerance_is_the_config_s_own_where_given(write: Write) -> None:
    """max_abs_error, written 1e-3, is a number and replaces the default of the scheme."""
    text = "name: m\nsource: {format: keras, path: a}\nverification: {max_abs_error: 1e-3}\n"
    assert load_config(write(text)).tolerance == 1e-3


def test_paths_are_relative_to_the_config(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A path is resolved from the config's folder, wherever the process goes afterwards."""
    (tmp_path / "configs").mkdir()
    path = write("name: m\nsource: {format: keras, path: ../models/m.keras}\n")
    moved = path.rename(tmp_path / "configs" / "m.yaml")
    monkeypatch.chdir(tmp_path)
    config = load_config(moved.relative_to(tmp_path))
    monkeypatch.chdir("/")
    assert config.path == moved
    assert config.folder == moved.parent
    assert config.resolve(str(config.source.path)) == tmp_path / "models" / "m.keras"


def test_normalized_survives_a_round_trip(write: Write) -> None:
    """The normalized config, written as YAML and read again, normalizes to the same."""
    first = load_config(write(GOOD)).normalized()
    again = load_config(write(yaml.safe_dump(first))).normalized()
    assert again == first
    assert first["source"]["inputs"] == {"x": [None, 8, 8]}
    assert first["verification"]["max_abs_error"] == 0.1
    assert list(first) == sorted(first)
    assert list(first["source"]) == sorted(first["source"])


def test_normalized_tells_nothing_of_the_machine(write: Write, tmp_path: Path) -> None:
    """The same config in another folder normalizes to the same, absolute paths and all."""
    text = f"name: m\nsource: {{format: keras, path: {tmp_path}/m.keras}}\n"
    normalized = load_config(write(text)).normalized()
    assert normalized["source"]["path"] == "m.keras"
    assert str(tmp_path) not in repr(normalized)


def test_a_config_cannot_be_changed(write: Write) -> None:
    """Neither fields, nor sections, nor mappings of a config take another value."""
    config = load_config(write(GOOD))
    with pytest.raises(ValidationError):
        config.name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.source.path = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.source.inputs["y"] = ()  # type: ignore[index]
    assert hash(config) == hash(pickle.loads(pickle.dumps(config)))


def test_an_alias_stands_for_its_anchor(write: Write) -> None:
    """Anchors and aliases are read, within bounds."""
    config = load_config(write("name: &n m\nsource: {format: keras, path: *n}\n"))
    assert config.source.path == "m"


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    """A file saved on Windows is read, and its errors have the right column."""
    path = tmp_path / "w.yaml"
    path.write_bytes(b"\xef\xbb\xbfnmae: m\r\nsource: {format: keras, path: a}\r\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems[0].startswith("1:1: nmae: unknown key")


BOMB = "name: m\na: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "more than 10000 values, aliases expanded"),
        ("a: &a [*a]\n", "aliases nest more than 32"),
        ("a: " + "[" * 5000, "nested more than 32 levels"),
        ("\n".join(" " * i + "a:" for i in range(400)), "nested more than 32 levels"),
        ("a: x\n" + "#" * 300_000, "larger than 256 KiB"),
    ],
    ids=["laughs", "itself", "brackets", "indentation", "size"],
)
def test_a_file_cannot_exhaust_memory_or_stack(write: Write, text: str, said: str) -> None:
    """What would grow or nest without bound is refused with its reason."""
    with pytest.raises(ConfigError, match=said):
        load_config(write(text))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"name: m\nversion: \xff\n", "2:10: the byte 0xff is not UTF-8"),
        ("name: m\n".encode("utf-16"), "1:1: UTF-16 text; save it as UTF-8"),
        (b"name: m\nver\0sion: 1\n", "2:4: a NUL byte"),
        (b"PK\x03\x04\0\0", "1:5: a NUL byte"),
    ],
)
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """Bytes that are not UTF-8 text are named with their place."""
    path = tmp_path / "b.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems[0].startswith(said)


def test_a_file_that_is_not_there_is_an_error_of_the_call(tmp_path: Path) -> None:
    """A missing file, a folder, a name no file can have: one sentence, and the likely name."""
    (tmp_path / "digits.yaml").write_text("name: m\n")
    with pytest.raises(CallError, match=r"no such file\n  Did you mean .*digits\.yaml\?"):
        load_config(tmp_path / "digit.yaml")
    with pytest.raises(CallError, match="a folder; expected a YAML file"):
        load_config(tmp_path)
    with pytest.raises(CallError, match="There is no folder"):
        load_config(tmp_path / "none" / "m.yaml")
    with pytest.raises(CallError, match="cannot be read"):
        load_config(tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(CallError, match="not a regular file"):
        load_config(tmp_path / "pipe.yaml")


def test_an_error_shows_the_line_with_a_caret(write: Write) -> None:
    """The text has the file's line and a caret under the column; the parts are kept as well."""
    path = write("name: m\nsource: {format: kears, path: a}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    first, line, caret = str(caught.value).splitlines()
    assert first.startswith(f"{path}:2:18: source.format: expected keras")
    assert line == "    2 | source: {format: kears, path: a}"
    assert line[caret.index("^") :].startswith("kears")
    (detail,) = caught.value.details
    assert (detail.line, detail.column, detail.key) == (2, 18, "source.format")


def test_an_excerpt_cannot_write_to_the_terminal(write: Write) -> None:
    """Control characters of the file are not shown, and a long line is cut around its column."""
    text = f"name: m\nsource: {{format: keras, path: a}}\nannotations: {{a: {'b' * 500}, c: 1}}\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(text.replace("name: m", 'name: "\x85\\e[31m"')))
    shown = str(caught.value)
    assert "\x1b" not in shown
    assert "\x85" not in shown
    assert max(map(len, shown.splitlines()[1:])) < 200


def test_reading_a_config_imports_nothing_heavy(write: Write) -> None:
    """Neither TensorFlow, Keras nor NumPy is loaded by reading and checking a config."""
    path = write("name: m\nsource: {format: keras, path: a}\n")
    code = (
        "import sys, pathlib; from rnnlite_pipeline.config import *\n"
        "c = load_config(pathlib.Path(sys.argv[1]))\n"
        "try: check_files(c)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print({'numpy', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "ConfigError\nset()\n"


def test_values_alone_make_a_config() -> None:
    """A config can be made in code; it stands in the current folder and its errors at 1:1."""
    config = Config.model_validate({"name": "m", "source": {"format": "keras", "path": "a"}})
    assert config.folder == Path.cwd()
    problem = config.document.problem(("source", "path"), "gone")
    assert str(problem) == "1:1: source.path: gone"
