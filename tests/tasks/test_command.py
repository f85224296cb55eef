"""`doit convert`: which tasks the user's words name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rnnlite_pipeline.errors import CallError
from rnnlite_pipeline.tasks.command import model_tasks


@dataclass
class Known:
    """A task as doit holds it."""

    name: str
    subtask_of: str | None
    meta: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def tasks(tmp_path: Path) -> Sequence[Known]:
    """Two configs, the first with a variant, and other tasks of the same names."""
    (tmp_path / "configs").mkdir()
    first, second = (tmp_path / "configs" / name for name in ("a.yaml", "b.yaml"))
    for path in (first, second):
        path.write_text("")
    return [
        Known("model", None),
        Known("model:a", "model", {"config": str(first), "reference": str(first)}),
        Known("model:a-small", "model", {"config": str(first), "reference": f"{first}/small"}),
        Known("model:named-otherwise", "model", {"config": str(second), "reference": str(second)}),
        Known("import:a", "import", {"config": str(first), "reference": str(first)}),
        Known("train:a", "train"),
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], ["model"]),
        (["a"], ["model:a"]),
        (["a-small"], ["model:a-small"]),
        (["configs/a.yaml"], ["model:a", "model:a-small"]),
        (["configs/a.yaml/small"], ["model:a-small"]),
        (["./configs/../configs/b.yaml"], ["model:named-otherwise"]),
        (["named-otherwise"], ["model:named-otherwise"]),
        (["a", "configs/a.yaml", "a"], ["model:a", "model:a-small"]),
    ],
)
def test_words_of_the_user(
    tasks: Sequence[Known], tmp_path: Path, asked: list[str], found: list[str]
) -> None:
    """A config means all its releases, CONFIG/VARIANT and a name one; each comes once."""
    assert model_tasks(asked, tasks, tmp_path) == found


def test_a_config_is_found_from_the_user_s_folder(tasks: Sequence[Known], tmp_path: Path) -> None:
    """A path is relative to where the user is, or absolute."""
    folder = tmp_path / "configs"
    assert model_tasks(["b.yaml"], tasks, folder) == ["model:named-otherwise"]
    assert model_tasks([str(folder / "b.yaml")], tasks, Path("/")) == ["model:named-otherwise"]


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("a-smal", "Did you mean a-small?"),
        ("configs/c.yaml", "Did you mean configs/"),
        ("other.yaml", "For a config elsewhere: rnnlite convert other.yaml"),
    ],
)
def test_words_that_name_nothing(
    tasks: Sequence[Known], tmp_path: Path, word: str, remedy: str
) -> None:
    """The nearest name; or for a file that is there, the command that takes it."""
    (tmp_path / "other.yaml").write_text("")
    with pytest.raises(CallError) as told:
        model_tasks([word], tasks, tmp_path)
    assert remedy in told.value.remedy


def test_a_repository_without_configs(tmp_path: Path) -> None:
    """No name is suggested where there is none."""
    with pytest.raises(CallError, match="There is no config a") as told:
        model_tasks(["a"], [], tmp_path)
    assert told.value.remedy == ""
