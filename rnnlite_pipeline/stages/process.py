"""One stage in its own process: `python -m rnnlite_pipeline.stages.process STAGE CONFIG OUT`.

Options:

* `--keys A,B`: the stage gets these keys of the config, and the defaults of all others;
* `--dump-passes DIR`: of the stage convert;
* `--candidate JSON`: of the stage candidate;
* `--part 1/4`: of the stage batch;
* `--as NAME`: the name of a stage that may run several times at once in one folder.

Each stage has a new process, because TensorFlow's converter can crash, and because it keeps state
from one conversion to the next. `rnnlite_pipeline.tasks.child` starts this program:

* The files of the stage are held back (`files.py`). The parent moves them to their final names
  after this process has ended with status 0.
* Standard input closes when the parent dies. Then this process ends too.
* If the stage fails, standard output is one JSON object: `message`, `remedy`, `status`, and for a
  wrong config its path as `config` and its `problems`.
* Standard error is the log of the stage. Everything that is printed goes there.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnlite_pipeline.child import end_with_parent
from rnnlite_pipeline.config import load_config, pipeline_of, placed
from rnnlite_pipeline.config.chosen import Chosen, settled
from rnnlite_pipeline.config.part import Part
from rnnlite_pipeline.errors import ConfigError, RnnliteError, StageError, of_system
from rnnlite_pipeline.files import Held, hold_back
from rnnlite_pipeline.machine import of_machine

#: The function of each stage, as module:function. It is imported when the stage runs, not before.
STAGES: Mapping[str, str] = {
    "import": "rnnlite_pipeline.stages.import_source:import_source",
    "inspect": "rnnlite_pipeline.stages.inspect:inspect",
    "search": "rnnlite_pipeline.stages.search:search",
    "reference": "rnnlite_pipeline.stages.candidates:reference",
    "candidate": "rnnlite_pipeline.stages.candidates:candidate",
    "convert": "rnnlite_pipeline.stages.convert:convert_graph",
    "describe": "rnnlite_pipeline.stages.convert:describe",
    "batch": "rnnlite_pipeline.stages.batch:batch",
    "verify": "rnnlite_pipeline.stages.verify:verify",
    "report": "rnnlite_pipeline.report.stage:report",
    "package": "rnnlite_pipeline.release.bundle:package",
    "benchmark": "rnnlite_pipeline.stages.benchmark:benchmark",
}

#: The stages that need the gates. They get (config, out, pipeline), the others (config, out).
GATED = frozenset({"verify", "package"})

#: The stages that run before a search has chosen a scheme for `quantization.scheme: auto`.
UNSETTLED = frozenset({"import", "reference", "candidate", "search"})

#: The exit status after an unexpected error; the traceback is in the log.
UNFORESEEN = 70


def main(arguments: Sequence[str], stages: Mapping[str, str] = STAGES) -> int:
    """Run one stage and report.

    Args:
        arguments: STAGE, CONFIG and OUT, and the options above.
        stages: Where each stage lives.

    Returns:
        The exit status: 0, the error's own, or `UNFORESEEN`.
    """
    stage, config, out, *words = arguments
    options = dict(zip(words[::2], words[1::2], strict=True))
    end_with_parent()
    report = _keep_stdout_for_the_report()
    hold_back(Held.of(options.get("--as", stage), Path(out)))
    try:
        _run(stage, Path(config), Path(out), stages, options)
    except RnnliteError as error:
        return _fail(report, of_machine(error) or error)
    except OSError as error:
        _log_traceback()
        return _fail(report, of_system(error, out))
    except Exception as error:  # noqa: BLE001  # the parent shows one line, the log has all
        _log_traceback()
        if fault := of_machine(error):
            return _fail(report, fault)
        first_line = str(error).strip().split("\n", 1)[0]
        return _fail(report, StageError(f"{type(error).__name__}: {first_line}"), UNFORESEEN)
    return 0


def _run(
    stage: str, config_path: Path, out: Path, stages: Mapping[str, str], options: Mapping[str, str]
) -> None:
    module, function = stages[stage].split(":")
    call: Callable[..., Any] = getattr(importlib.import_module(module), function)
    config = load_config(config_path)
    if stage not in UNSETTLED:
        config = settled(config, out)
    given: dict[str, Any] = {}
    if stage in GATED:
        given["pipeline"] = pipeline_of(config)
    elif keys := options.get("--keys"):
        config = config.only(keys.split(","))
    if folder := options.get("--dump-passes"):
        given["dump_passes"] = Path(folder)
    if chosen := options.get("--candidate"):
        given["chosen"] = Chosen.of(chosen)
    if part := options.get("--part"):
        given["part"] = Part.of(part)
    try:
        call(config, out, **given)
    except RnnliteError as error:
        there = placed(error, config)
        if there is error:
            raise
        raise there from error


def _log_traceback() -> None:
    with contextlib.suppress(OSError):  # of a full disk, which is told all the same
        traceback.print_exc()


def _fail(report: int, error: RnnliteError, status: int = 0) -> int:
    told: dict[str, Any] = {
        "message": str(error.message),
        "remedy": error.remedy,
        "status": status or error.exit_status,
    }
    if isinstance(error, ConfigError) and error.details:
        told |= {"config": str(error.path), "problems": [asdict(each) for each in error.details]}
    with os.fdopen(report, "w", encoding="utf-8") as file:
        json.dump(told, file)
    return status or error.exit_status


def _keep_stdout_for_the_report() -> int:
    """A handle on standard output that no other code has. From now on, prints go to the log."""
    report = os.dup(1)
    os.dup2(2, 1)
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
