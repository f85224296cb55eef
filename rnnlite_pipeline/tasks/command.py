"""`doit convert CONFIG…`: the model tasks, named by config file or by model name."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from doit import get_initial_workdir
from doit.cmd_run import Run

from rnnlite_pipeline.config.did_you_mean import did_you_mean
from rnnlite_pipeline.errors import CallError


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
        asked: Config files, relative to `folder`, or names of models.
        tasks: doit's tasks.
        folder: Where the user stands.

    Raises:
        CallError: No config of this repository is named so.
    """
    by_config = {
        Path(task.meta["config"]): task.name for task in tasks if task.subtask_of == "model"
    }
    by_name = {name.removeprefix("model:"): name for name in by_config.values()}
    return [_model_task(word, by_config, by_name, folder) for word in asked] or ["model"]


def _model_task(
    word: str, by_config: dict[Path, str], by_name: dict[str, str], folder: Path
) -> str:
    path = (folder / word).resolve()
    for config, task in by_config.items():
        if config.resolve() == path:
            return task
    if word in by_name:
        return by_name[word]
    if path.is_file():
        raise CallError(
            f"{word} is not among the configs of this repository.",
            f"For a config elsewhere: rnnlite convert {word}",
        )
    known = [*by_name, *(f"{config.parent.name}/{config.name}" for config in by_config)]
    raise CallError(f"There is no config {word}.", did_you_mean(word, known))
