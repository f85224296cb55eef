"""`doit convert CONFIG…`: the model tasks, named by config file or by model name."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from doit import get_initial_workdir
from doit.cmd_run import Run

from rnnlite_pipeline.errors import CallError, did_you_mean


class Convert(Run):
    """doit's `run`, with configs for arguments; enabled in pyproject.toml for this repository."""

    name = "convert"
    doc_purpose = "convert models, by config file or model name"
    doc_usage = "[CONFIG...]"
    sel_tasks: list[str]
    doc_description = "Example: doit convert configs/digits-bilstm.yaml"

    @functools.wraps(Run._execute)  # doit reads the names of the options off the signature
    def _execute(self, *arguments: Any, **options: Any) -> Any:
        asked = [] if self.sel_default_tasks else self.sel_tasks
        try:
            self.sel_tasks = model_tasks(asked, self.task_list, Path(get_initial_workdir()))
        except CallError as error:
            sys.stderr.write(f"error: {error}\n")
            return error.exit_status
        return super()._execute(*arguments, **options)


def model_tasks(asked: Iterable[str], tasks: Iterable[Any], folder: Path) -> list[str]:
    """The tasks that convert what the user named; all of them where nothing is named.

    Args:
        asked: Config files, relative to `folder`, which mean all of their releases;
            `CONFIG/VARIANT`; or names of models.
        tasks: doit's tasks.
        folder: The user's working folder.

    Raises:
        CallError: No config of this repository is named so.
    """
    models = [task for task in tasks if task.subtask_of == "model"]
    by_reference: dict[Path, list[str]] = {}
    for task in models:
        for key in dict.fromkeys((task.meta["config"], task.meta["reference"])):
            by_reference.setdefault(Path(key).resolve(), []).append(task.name)
    by_name = {task.name.removeprefix("model:"): task.name for task in models}
    found = (_model_tasks(word, by_reference, by_name, folder) for word in asked)
    return list(dict.fromkeys(name for names in found for name in names)) or ["model"]


def _model_tasks(
    word: str, by_reference: Mapping[Path, list[str]], by_name: Mapping[str, str], folder: Path
) -> list[str]:
    path = (folder / word).resolve()
    if path in by_reference:
        return by_reference[path]
    if word in by_name:
        return [by_name[word]]
    if path.is_file():
        raise CallError(
            f"{word} is not among the configs of this repository.",
            f"For a config elsewhere: rnnlite convert {word}",
        )
    known = [*by_name, *(f"{config.parent.name}/{config.name}" for config in by_reference)]
    raise CallError(f"There is no config {word}.", did_you_mean(word, known))
