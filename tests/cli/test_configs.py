"""Configs as arguments: files, variants and names."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from rnnlite_pipeline.cli.configs import ConfigType, found_config
from rnnlite_pipeline.errors import CallError

SOURCE = "source: {format: keras, path: m.keras}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project: two configs in configs/, one beside it, and files that are no configs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    variants = "variants:\n  phone: {version: 2.0.0}\n"
    for name, text in {
        "configs/a.yaml": f"name: digits\n{SOURCE}{variants}",
        "configs/b.yaml": f'name: "words"\n{SOURCE}',
        "configs/notes.yaml": "title: x\n",
        "configs/latin.yaml": "name: é\n",
        "here.yaml": f"name: here\n{SOURCE}",
        "pipeline.yaml": "stages: [validate]\n",
    }.items():
        (tmp_path / name).write_bytes(text.encode("latin-1" if "latin" in name else "utf-8"))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "config"),
    [
        ("digits", "configs/a.yaml"),
        ("words", "configs/b.yaml"),
        ("here", "here.yaml"),
        ("digits-phone", "configs/a.yaml/phone"),
        ("here.yaml", "here.yaml"),
        ("gone.yaml", "gone.yaml"),
        ("gone.yml", "gone.yml"),
        ("configs/a.yaml/phone", "configs/a.yaml/phone"),
        ("no/such/file", "no/such/file"),
        (".", "."),
        ("configs", "configs"),
    ],
)
def test_a_word_is_a_file_or_a_name(word: str, config: str) -> None:
    """A path is taken as it is: what is wrong with it is told where it is read."""
    assert found_config(Path(word)) == Path(config)


def test_a_file_goes_before_a_name_and_a_name_before_a_folder(folder: Path) -> None:
    """A folder that happens to be called like a model hides no config."""
    (folder / "digits").mkdir()
    assert found_config(Path("digits")) == Path("configs/a.yaml")
    (folder / "words").write_text(f"name: other\n{SOURCE}")
    assert found_config(Path("words")) == Path("words")


def test_of_two_configs_of_one_name_that_of_configs_counts(folder: Path) -> None:
    """The working folder comes second."""
    (folder / "copy.yaml").write_text(f"name: digits\n{SOURCE}")
    assert found_config(Path("digits")) == Path("configs/a.yaml")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("digit", "Did you mean digits?"),
        ("DIGITS", "Did you mean digits?"),
        ("digits-fone", "Did you mean digits-phone?"),
        ("zzz", "There are digits, here, words."),
    ],
)
def test_a_name_that_is_not_there(word: str, said: str) -> None:
    """The closest name is told, else all of them."""
    with pytest.raises(CallError) as caught:
        found_config(Path(word))
    assert caught.value.message.startswith(f"There is no config {word}, neither a file nor")
    assert caught.value.remedy == said


def test_where_there_are_no_configs_the_remedy_is_to_write_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new project has none yet."""
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    with pytest.raises(CallError, match="`rnnlite init MODEL` writes one"):
        found_config(Path("digits"))


def test_a_config_that_is_wrong_has_no_variants_to_name(folder: Path) -> None:
    """It stands for itself by its own name; `validate` says what is wrong with it."""
    (folder / "configs" / "a.yaml").write_text(f"name: digits\n{SOURCE}variants: [a]\n")
    assert found_config(Path("digits")) == Path("configs/a.yaml")
    with pytest.raises(CallError):
        found_config(Path("digits-phone"))


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["configs/a.yaml", "configs/b.yaml", "here.yaml", "digits", "words"]),
        ("configs/", ["configs/a.yaml", "configs/b.yaml"]),
        ("configs/a", ["configs/a.yaml"]),
        ("h", ["here.yaml"]),
        ("dig", ["digits"]),
        ("none/", []),
        ("zzz", []),
    ],
)
def test_configs_alone_are_completed(typed: str, offered: list[str]) -> None:
    """Files of the typed folder and of those in it, and names of configs/."""
    parameter = click.Argument(["configs"])
    context = click.Context(click.Command("convert"))
    items = ConfigType().shell_complete(context, parameter, typed)
    assert [str(item.value) for item in items] == offered
