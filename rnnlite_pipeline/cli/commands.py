"""The commands: the arguments of each, and the function that runs it.

A command imports its modules when it runs, so that `--help` and `validate` stay fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlite_pipeline.cli import arguments as given
from rnnlite_pipeline.cli.arguments import Call, Command
from rnnlite_pipeline.cli.failure import print_json
from rnnlite_pipeline.cli.stages import plan, stage, validate
from rnnlite_pipeline.errors import CallError, did_you_mean

if TYPE_CHECKING:
    from rnnlite_pipeline.config.chosen import Chosen


def _diff(call: Call) -> int:
    from rnnlite_pipeline.diff import run_diff

    return run_diff(call.first, call.second, as_json=call.json)


def _init(call: Call) -> int:
    from rnnlite_pipeline.cli.init import write_config
    from rnnlite_pipeline.cli.output import files_json

    made = write_config(call.model, call.to, call.signature, dict(call.custom_objects))
    if call.json:
        print_json({"files": files_json(made)})
    elif not call.quiet:
        sys.stdout.write("".join(f"{path}\n" for path in made))
    return 0


def _view(call: Call) -> int:
    from rnnlite_pipeline.cli.view import view

    return view(call.file, call.out, call.viewer, as_json=call.json)


def _sign(call: Call) -> int:
    from rnnlite_pipeline.cli.trust import sign_bundles

    return sign_bundles(call)


def _verify_bundle(call: Call) -> int:
    from rnnlite_pipeline.cli.trust import verify_bundles
    from rnnlite_pipeline.tasks.child import COMMAND
    from rnnlite_pipeline.tasks.plan import load_plan
    from rnnlite_pipeline.tasks.run import run_stages

    def build(config: Path, folder: Path, chosen: Chosen | None) -> int:
        plan = replace(load_plan(config, folder), chosen=chosen)
        return run_stages("package", [plan], folder, 1, call.stage_program or COMMAND).status

    return verify_bundles(call, build)


def _bom(call: Call) -> int:
    from rnnlite_pipeline.cli.trust import write_bills

    return write_bills(call)


def _schema(call: Call) -> int:
    from rnnlite_pipeline.cli.output import output_schema_text
    from rnnlite_pipeline.config import pipeline_schema_text, schema_text

    texts = {
        "config": schema_text,
        "pipeline": pipeline_schema_text,
        "output": output_schema_text,
    }
    sys.stdout.write(texts[call.of]())
    return 0


def _targets(call: Call) -> int:
    from rnnlite_pipeline.runtimes import check_names
    from rnnlite_pipeline.runtimes.text import as_json, as_text

    check_names(call.names)
    if call.json:
        print_json(as_json(call.names))
    else:
        sys.stdout.write(as_text(call.names))
    return 0


def _completion(call: Call) -> int:
    from rnnlite_pipeline.cli.parser import completion

    script = completion(call.shell, COMMANDS)
    if call.json:
        print_json({"shell": call.shell, "script": script})
    else:
        sys.stdout.write(script)
    return 0


def _help(call: Call) -> int:
    from rnnlite_pipeline.cli.parser import help_text

    topic = _topic(call.topic)
    text = help_text(COMMANDS, topic)
    if call.json:
        print_json({"command": topic, "help": text})
    else:
        sys.stdout.write(text)
    return 0


def _topic(words: Sequence[str]) -> str:
    for word in words:
        if word not in COMMANDS:
            raise CallError(f"There is no command {word}.", did_you_mean(word, COMMANDS))
    return words[0] if words else ""


_EXAMPLE = "configs/digits-bilstm.yaml"
_STAGE, _LOCKED = given.STAGE, (*given.STAGE, given.LOCKED)

#: Every command, in the order of its help.
COMMANDS = {
    "init": Command(
        "write a config from a model file, by looking into it",
        _init,
        given.INIT,
        ("rnnlite init examples/digits/models/digits-bilstm.keras -o configs/mine.yaml",),
    ),
    "validate": Command(
        "check configs and the files they name",
        validate,
        (given.CONFIGS, given.OUT, given.QUIET, given.FORMAT, given.JSON),
        (f"rnnlite validate {_EXAMPLE}", "rnnlite validate configs/*.yaml --json"),
    ),
    "inspect": Command(
        "show what a model holds and how each layer will be lowered",
        stage,
        _STAGE,
        (f"rnnlite inspect {_EXAMPLE}", f"rnnlite inspect {_EXAMPLE} --json"),
    ),
    "convert": Command(
        "convert models to .tflite",
        stage,
        (*_LOCKED, given.DUMP_PASSES),
        (
            f"rnnlite convert {_EXAMPLE}",
            "rnnlite convert digits-bilstm --force",
            "rnnlite convert configs/*.yaml --out /tmp/build -n 2",
            f"rnnlite convert {_EXAMPLE} --dump-passes /tmp/passes",
        ),
    ),
    "verify": Command(
        "compare converted models with their sources",
        stage,
        _LOCKED,
        (f"rnnlite verify {_EXAMPLE}",),
    ),
    "report": Command(
        "write the report of each model, and one page that lists and compares them",
        stage,
        _STAGE,
        ("rnnlite report configs/*.yaml",),
    ),
    "package": Command(
        "run every stage of the pipeline and make the release bundle",
        stage,
        _LOCKED,
        (f"rnnlite package {_EXAMPLE}", f"rnnlite package {_EXAMPLE} --locked"),
    ),
    "lock": Command(
        "write what a model is built from, and what comes out, to its lock",
        stage,
        _STAGE,
        (f"rnnlite lock {_EXAMPLE}",),
    ),
    "plan": Command(
        "list the stages of all configs and variants, each with its inputs, outputs and digest",
        plan,
        (given.CONFIGS, given.OUT, given.JSON, given.GITHUB, given.SHARDS, given.FORMAT),
        (f"rnnlite plan {_EXAMPLE}", "rnnlite plan configs/*.yaml --github --shards 4"),
    ),
    "diff": Command(
        "compare two releases, models or configs",
        _diff,
        given.DIFF,
        ("rnnlite diff digits-1.0.0.zip digits-1.1.0.zip",),
    ),
    "sign": Command(
        "sign releases, with the statements beside them, in OpenSSF Model Signing's format",
        _sign,
        given.SIGN,
        ("rnnlite sign build/digits/dist/digits-1.0.0.zip --key private.pem",),
    ),
    "verify-bundle": Command(
        "check the signature, digests, statements and lock of releases, and build one again",
        _verify_bundle,
        given.VERIFY_BUNDLE,
        (
            "rnnlite verify-bundle digits-1.0.0.zip --key public.pem",
            "rnnlite verify-bundle digits-1.0.0.zip --key public.pem --rebuild configs/digits.yaml",
        ),
    ),
    "bom": Command(
        "write the bill of materials of releases, CycloneDX 1.6 with a model card",
        _bom,
        (given.BUNDLES, given.QUIET, given.JSON),
        ("rnnlite bom build/digits/dist/digits-1.0.0.zip",),
    ),
    "benchmark": Command(
        "measure latency, size and memory of the model and the stock conversion, and each op",
        stage,
        _STAGE,
        (f"rnnlite benchmark {_EXAMPLE}",),
    ),
    "view": Command(
        "open a model in Model Explorer, with errors and times on its ops, or in Netron",
        _view,
        given.VIEW,
        (f"rnnlite view {_EXAMPLE}", "rnnlite view model.tflite --with netron"),
    ),
    "schema": Command(
        "print the JSON schema of a config, of a pipeline, or of what --json prints",
        _schema,
        given.SCHEMA,
        ("rnnlite schema > configs/schema.json", "rnnlite schema pipeline > pipelines/schema.json"),
    ),
    "targets": Command(
        "print what each target takes: ops, types and sizes, with sources",
        _targets,
        given.TARGETS,
        ("rnnlite targets litert-web", "rnnlite targets --json"),
    ),
    "completion": Command(
        "print what a shell needs to complete rnnlite's arguments",
        _completion,
        given.COMPLETION,
        ("rnnlite completion bash > ~/.local/share/bash-completion/completions/rnnlite",),
    ),
    "help": Command(
        "say more about a command",
        _help,
        given.HELP,
        ("rnnlite help convert",),
    ),
}
