"""The stage verify: only a model that computes the same as its source keeps its final name.

The stage fails closed: a model passes only if every check was made and every check passed. If the
stage ends in any other way, the model is renamed to `model.failed.tflite`, and `verification.json`
says that it failed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rnnlite_pipeline
from rnnlite_pipeline.compare.batch_axis import Axes, batch_axes, batch_first
from rnnlite_pipeline.compare.roundings import rounded_weights
from rnnlite_pipeline.errors import RnnliteError, VerificationFailed
from rnnlite_pipeline.files import digest, write_atomically
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.lower.layer_record import read_layers
from rnnlite_pipeline.metadata import differences, read_description
from rnnlite_pipeline.quantize.calibration import check_alike
from rnnlite_pipeline.report.evidence import About, Accuracy, Check, Evidence, Facts
from rnnlite_pipeline.report.page import render
from rnnlite_pipeline.report.stage import PAGE, with_times
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.sources.opening import open_source
from rnnlite_pipeline.state import Description, described
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.verify.accuracy import accuracy, check_labels
from rnnlite_pipeline.verify.application import RealRunner, Started
from rnnlite_pipeline.verify.batches import Parts, made_of
from rnnlite_pipeline.verify.carried import fed_by_hand
from rnnlite_pipeline.verify.cases import MADE_UP, Case, Work, cases, turns
from rnnlite_pipeline.verify.data import RANDOM, Samples, random_samples, samples_of
from rnnlite_pipeline.verify.every_interpreter import in_every_interpreter
from rnnlite_pipeline.verify.figures import figure_feeds, figures
from rnnlite_pipeline.verify.gates import (
    check_accuracy,
    check_error,
    check_gates,
    check_npu,
    op_histogram,
)
from rnnlite_pipeline.verify.interface import check_interface
from rnnlite_pipeline.verify.oracle import OffByOne, oracles, source_on
from rnnlite_pipeline.verify.quantized import interface, is_judged, open_runners
from rnnlite_pipeline.verify.runs import (
    Bounds,
    Outputs,
    Runs,
    calls_of,
    joined,
    judge_case,
    runs_of,
)
from rnnlite_pipeline.verify.signatures import check_signatures
from rnnlite_pipeline.verify.states import Streaming, check_policy, with_states
from rnnlite_pipeline.verify.targets import hold

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config, Pipeline
    from rnnlite_pipeline.graph.ir import Model, Tensor
    from rnnlite_pipeline.sources.model import SourceModel

#: How many failed checks the error names, besides missed gates; verification.json has all of them.
SHOWN = 3


def verify(config: Config, out: Path, pipeline: Pipeline) -> None:
    """The stage verify: writes verification.json and the report into `out`.

    Args:
        config: The model's config.
        out: The folder with model.tflite, which becomes model.failed.tflite if it fails.
        pipeline: The gates.

    Raises:
        VerificationFailed: A check failed, or could not be made.
    """
    path, failed = out / "model.tflite", out / "model.failed.tflite"
    for stale in (out / "verification.json", out / "report.html", out / PAGE):
        stale.unlink(missing_ok=True)
    if not path.is_file():
        raise VerificationFailed(f"There is no {path}.", "Run `rnnlite convert` first.")
    evidence = Evidence(Facts(config.name, pipeline.name), broken_off="interrupted")
    try:
        _examine(config, out, pipeline, evidence)
        evidence.broken_off = ""
    except Exception as error:
        evidence.broken_off = str(error) or type(error).__name__
        raise
    finally:
        if not evidence.passed:
            path.replace(failed)
        _leave(out, evidence)
    if not evidence.passed:
        raise _failure(evidence, failed)
    failed.unlink(missing_ok=True)


def _examine(config: Config, out: Path, pipeline: Pipeline, evidence: Evidence) -> None:
    content = (out / "model.tflite").read_bytes()
    imported = (out / ".work" / "source.tflite").read_bytes()
    facts = evidence.facts
    facts.model_sha256 = hashlib.sha256(content).hexdigest()
    facts.bytes = {"source": len(imported), "model": len(content)}
    facts.tolerance, facts.min_snr_db = _tolerance(config, pipeline), config.min_snr_db
    model = read_model(content)
    ensure_signature(model)
    ops = op_histogram(model)
    graph = read_model(imported)
    ensure_signature(graph)
    facts.ops = {"source": op_histogram(graph), "model": ops}
    digests = _digests(config, imported)
    evidence.about = About(config, graph, model, read_layers(out), digests)
    step("opening the source")
    states = described(model)
    source = fed_by_hand(open_source(config), states)
    facts.versions = _versions(source)
    inputs, outputs = with_states(
        model,
        states,
        interface(source.inputs, config.quantization.input_type),
        interface(source.outputs, config.quantization.output_type),
    )
    keeps = "ASSIGN_VARIABLE" in facts.ops["source"]
    evidence.checks.append(check_policy(states, config.recurrent.state, keeps))
    evidence.checks += check_interface(
        model, inputs, outputs, by_signature=config.source.format == "tflite"
    )
    evidence.checks.append(_check_metadata(model, config))
    description = read_description(model)
    comparable = not evidence.failed
    evidence.checks += check_gates(config, pipeline, len(content), ops, description)
    if not comparable:  # its interface is another: it cannot be run as the source is
        return
    axes = batch_axes(source.inputs, source.run, source.limits)
    if any(axes.inputs.values()):
        facts.batch_axes = dict(axes.inputs)
    given = {spec.name: graph.signatures[0].inputs[spec.name] for spec in source.inputs}
    _compare_data(config, axes.tensors_batch_first(given))
    work = Work(**multiply_adds(model))
    samples, note = _samples(config, batch_first(source, axes), work)
    if note:
        evidence.skipped["random samples"] = note
    parts = Parts(out, partial(made_of, config, content, imported))
    subject = _Subject(content, model, states, work, samples, parts)
    with in_every_interpreter(config, content, source, axes, evidence) as add_the_check:
        _compare(config, subject, source, axes, evidence)
        step("opening the model again and again")
        add_the_check()
    check_signatures(config, source, model, evidence)
    step("holding the model to its targets")
    facts.targets = hold(config, model, content)
    evidence.checks += check_npu(pipeline, facts.targets)
    feeds = [axes.of_model(feed) for feed in figure_feeds(samples.inputs, model, axes)]
    facts.quantization = figures(out, config.quantization.scheme, content, feeds)
    evidence.checks += check_error(pipeline, evidence.checks)
    evidence.checks += check_accuracy(config, pipeline, evidence.accuracy)


@dataclass(frozen=True, eq=False)
class _Subject:
    """A model, and the data that it is run on.

    Attributes:
        content: The .tflite file.
        model: The same, read.
        states: The states that the model describes.
        work: The multiply-adds of a call.
        samples: The data, [N, T, ...].
        parts: Outputs on parts of the data, if separate stages have computed them.
    """

    content: bytes
    model: Model
    states: Description
    work: Work
    samples: Samples
    parts: Parts


def _compare(
    config: Config, subject: _Subject, source: SourceModel, axes: Axes, evidence: Evidence
) -> None:
    """Runs every case. Sequences are [N, T, ...] here, also if the model is time-major."""
    states, work, samples = subject.states, subject.work, subject.samples
    runners = {runner.kernels: runner for runner in open_runners(subject.content, config)}
    runs = runs_of(runners.values(), states, axes)
    inputs = axes.batch_first(source.inputs)
    held_to = oracles(source, axes, runners, _off_by_one(config, subject, axes))
    every_oracle = tuple(dict.fromkeys(held_to.values()))
    _note_foreign_ops(runners.values(), evidence)
    bounds = Bounds(evidence.facts.tolerance, evidence.facts.min_snr_db)
    every = list(cases(samples, inputs, source.limits, work))
    spent = dict.fromkeys(runners, 0)
    for number, case in enumerate(every):
        if case.note:
            evidence.skipped[case.name] = case.note
        if not case.feeds:
            continue
        step(f'running "{case.name}" input', number + 1, len(every))
        of_data = subject.parts.run(case, every_oracle, runs) if number == 0 else None
        given = of_data.answers if of_data else (each.answer(case) for each in every_oracle)
        answers = dict(zip(every_oracle, given, strict=True))
        for kernels, run in _on(case, runs):
            answer = answers[held_to[kernels]]
            if isinstance(answer, str):
                evidence.skipped[case.name] = answer
                continue
            bounds = bounds.on(answer) if number == 0 else bounds
            judged = bounds if is_judged(case, config) else None
            calls = of_data.calls[kernels] if of_data else calls_of(run, case)
            checks, outputs = judge_case(calls, kernels, case, answer, judged)
            evidence.checks += checks
            spent[kernels] += 2 * case.cost(inputs, work)
            if number == 0:
                _judge_data(evidence, samples, kernels, answer.outputs, outputs)
    if states.states:
        step("running calls on end")
        for kernels, streaming in _streamings(config, subject, source, axes, runners).items():
            if streaming.note:
                evidence.skipped["in pieces"] = streaming.note
            if streaming.fast_only and kernels == "reference" and "default" in runners:
                evidence.skipped["calls on end"] = (
                    f"on the fast kernels alone: a call takes more than {MADE_UP:.1g} multiply-adds"
                )
                continue
            spent[kernels] += streaming.cost
            model = Started(runners[kernels], states)
            evidence.checks += streaming.checks(
                model, kernels, bounds.max_abs_error, bounds.min_snr_db
            )
    facts = evidence.facts
    facts.work = {"samples": len(samples), **asdict(work), "multiply_adds": spent}
    if "tflm" in runners:
        evidence.facts.tflm = {"arena_bytes": runners["tflm"].arena_bytes}


def _streamings(
    config: Config, subject: _Subject, source: SourceModel, axes: Axes, kernels: Iterable[str]
) -> dict[str, Streaming]:
    """For each set of kernels, the source to which calls on end are held; run once if it is one."""
    calibrated = config.quantization.calibration is not None
    feeds = figure_feeds(subject.samples.inputs, subject.model, axes) if calibrated else []
    data = [axes.of_model(feed) for feed in feeds]
    make = partial(Streaming, states=subject.states, work=subject.work, data=data)
    if source.on is None:
        return dict.fromkeys(kernels, make(source))
    return {name: make(source_on(source, name)) for name in kernels}


def _off_by_one(config: Config, subject: _Subject, axes: Axes) -> OffByOne:
    """The model on LiteRT as it is, and with every weight off by one rounding; opened if asked."""

    @functools.cache
    def runs() -> list[Callable[[Outputs], Outputs]]:
        models = (subject.model, rounded_weights(subject.model, seed=0))
        stand_ins = config.source.format == "tflite"
        opened = [RealRunner(open_runner(m, "default", stand_ins=stand_ins), m) for m in models]
        return [runs_of([each], subject.states, axes)["default"] for each in opened]

    def both(feed: Outputs) -> tuple[Outputs, Outputs]:
        as_it_is, moved = (run(feed) for run in runs())
        return as_it_is, moved

    return both


def _on(case: Case, runs: Runs) -> list[tuple[str, Callable[[Outputs], Outputs]]]:
    """The kernels that a case is run on (verify/cases.py, rule 3)."""
    is_left_out = case.fast_only and "default" in runs
    return [(k, run) for k, run in runs.items() if not (is_left_out and k == "reference")]


def _note_foreign_ops(runners: Iterable[RealRunner], evidence: Evidence) -> None:
    """Notes the ops that LiteRT does not run, and what ran in their place."""
    for runner in runners:
        if runner.note:
            evidence.skipped["reference kernels"] = runner.note
        evidence.facts.ops_on_tensorflow = runner.on_tensorflow or evidence.facts.ops_on_tensorflow
        evidence.facts.unverified_ops = runner.stood_in or evidence.facts.unverified_ops


def _judge_data(
    evidence: Evidence,
    samples: Samples,
    kernels: str,
    source: tuple[Outputs, ...],
    model: tuple[Outputs, ...],
) -> None:
    """Adds the accuracy, if there are labels, and the values that the report shows."""
    for output in source[0]:
        expected = joined(source, output, len(samples))
        actual = joined(model, output, len(samples))
        if expected is None or actual is None:
            continue
        if output not in evidence.profiles or kernels == "default":
            evidence.profiles[output] = (expected, actual)
            evidence.profiled_on[output] = kernels
        if output in samples.labels and expected.shape == actual.shape:
            labels = evidence.labels[output] = samples.labels[output]
            check_labels(str(samples.file), output, expected, labels)
            rates = (accuracy(output, values, labels) for values in (expected, actual))
            evidence.accuracy.append(Accuracy(output, kernels, len(samples), *rates))


def _samples(config: Config, source: SourceModel, work: Work) -> tuple[Samples, str]:
    """The samples; and why there are fewer random ones than by default, or empty text."""
    samples, random = samples_of(config, source), config.verification.data.random
    if samples.name != RANDOM or random is None or "samples" in random.model_fields_set:
        return samples, ""
    steps = turns(samples.inputs, source.inputs)
    count = work.samples(steps, random.samples)
    if count == random.samples:
        return samples, ""
    why = (
        f"{count} samples in place of {random.samples}, as one takes {work.of(1, steps):.1g}"
        " multiply-adds; verification.data.random.samples sets their number"
    )
    return random_samples(source.inputs, source.limits, count, random.seed), why


def _compare_data(config: Config, inputs: Mapping[str, Tensor]) -> None:
    """Compares the calibration data with the data of the verification; warns if they differ.

    Raises:
        NotConvertible: Most of the latter lies outside the range of the former.
    """
    calibration, data = config.quantization.calibration, config.verification.data.path
    if calibration is None or data is None:
        return
    path = config.resolve(calibration.path)
    for warning in check_alike(path, config.resolve(data), inputs, calibration.samples):
        print(f"warning: quantization.calibration: {warning}", flush=True)


def _check_metadata(model: Model, config: Config) -> Check:
    """Checks that the model's metadata is that of its config."""
    different = differences(model, config)
    again = "Run `rnnlite convert` again; the metadata is written from the config."
    return Check("metadata as in the config", not different, "; ".join(different), again)


def _digests(config: Config, imported: bytes) -> dict[str, str]:
    """The sha256 of the source, of its imported graph and of the data; without paths."""
    found = {"the source as imported": hashlib.sha256(imported).hexdigest()}
    named = {"the source": config.source.path, "the data": config.verification.data.path}
    paths = {name: config.resolve(path) for name, path in named.items() if path}
    return found | {name: digest(path) for name, path in paths.items() if path.exists()}


def _tolerance(config: Config, pipeline: Pipeline) -> float:
    gate = pipeline.gates.max_abs_error
    return config.tolerance if gate is None else min(config.tolerance, gate)


def _versions(source: SourceModel) -> dict[str, str]:
    versions = {n: importlib.metadata.version(n) for n in ("ai-edge-litert", "numpy")}
    return versions | dict(source.versions) | {"rnnlite": rnnlite_pipeline.__version__}


def _leave(out: Path, evidence: Evidence) -> None:
    """Writes the results. After a failure no other stage runs, so it writes report.html as well.

    The files of a failure get their final names at once, so they stay however this process ends.
    """
    said: Any = evidence.as_json()
    text = json.dumps(said, indent=2, sort_keys=True, allow_nan=False) + "\n"
    page, now = render(evidence, evidence.about), not evidence.passed
    write_atomically(out / PAGE, page.encode(), at_once=now)
    write_atomically(out / "report.html", with_times(page, out).encode(), at_once=now)
    write_atomically(out / "verification.json", text.encode(), at_once=now)


def _failure(evidence: Evidence, failed: Path) -> RnnliteError:
    """The error: every missed gate with its remedy, and the worst of the other failed checks."""
    wrong = evidence.headlines
    asked = [check for check in wrong if check.asked]
    rest = [check for check in wrong if not check.asked]
    lines = [f"{check}\n    {check.remedy}".rstrip() for check in (*asked, *rest[:SHOWN])]
    if len(rest) > SHOWN:
        lines.append(f"... and {len(rest) - SHOWN} more, in verification.json and report.html")
    return VerificationFailed(
        f"The model failed {len(evidence.failed)} of {len(evidence.checks)} checks; it is kept as "
        f"{failed.name}.\n  " + "\n  ".join(lines)
    )
