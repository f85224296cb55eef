"""The other signatures: each is compared with that of the source, like a separate model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from rnnlite_pipeline.compare.batch_axis import batch_axes, batch_first
from rnnlite_pipeline.graph.extract import of_signature
from rnnlite_pipeline.graph.ir import Model
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.report.evidence import Check, Evidence
from rnnlite_pipeline.runtimes.partition import open_runner
from rnnlite_pipeline.sources.model import SourceModel
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.verify.cases import Work, cases
from rnnlite_pipeline.verify.data import random_samples
from rnnlite_pipeline.verify.interface import check_interface
from rnnlite_pipeline.verify.oracle import oracles
from rnnlite_pipeline.verify.quantized import is_judged
from rnnlite_pipeline.verify.runs import KERNELS, Bounds, run_case

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

#: How many random samples a signature is judged on; the config's data is the default one's.
SAMPLES = 8


def check_signatures(config: Config, source: SourceModel, model: Model, evidence: Evidence) -> None:
    """Interface and numbers of every other signature, on random and extreme input.

    Args:
        config: The model's config.
        source: With its `others`.
        model: The converted model.
        evidence: What is found is added; its facts `tolerance` and `min_snr_db` are there.

    Raises:
        VerificationFailed: A signature of the source cannot be run.
    """
    for key, other in source.others.items():
        signature = next((s for s in model.signatures if s.key == key), None)
        kept = Check(
            f"signature {key} is kept",
            signature is not None,
            "" if signature else "the model has no such signature",
            "This is a bug of the conversion, please report it.",
        )
        evidence.checks.append(kept)
        if signature is not None:
            _check(config, key, other, of_signature(model, signature), evidence)


def _check(config: Config, key: str, source: SourceModel, model: Model, evidence: Evidence) -> None:
    for check in check_interface(model, source.inputs, source.outputs, by_signature=True):
        name = f"{check.name}, signature {key}"
        evidence.checks.append(dataclasses.replace(check, name=name))
    axes = batch_axes(source.inputs, source.run, source.limits)
    first = batch_first(source, axes)
    samples = random_samples(first.inputs, first.limits, SAMPLES, seed=0)
    runners = {kernels: open_runner(model, kernels, stand_ins=True) for kernels in KERNELS}
    held_to = oracles(source, axes, runners)
    bounds = Bounds(evidence.facts.tolerance, evidence.facts.min_snr_db)
    work = Work(**multiply_adds(model))
    for number, case in enumerate(cases(samples, first.inputs, first.limits, work)):
        named = dataclasses.replace(case, name=f"{key}: {case.name}")
        if case.note:
            evidence.skipped[named.name] = case.note
        if not case.feeds:
            continue
        step(f'running signature {key} on "{case.name}" input')
        answers = {oracle: oracle.answer(case) for oracle in dict.fromkeys(held_to.values())}
        for kernels, runner in runners.items():
            answer = answers[held_to[kernels]]
            if isinstance(answer, str):
                evidence.skipped[named.name] = answer
                continue
            bounds = bounds.on(answer) if number == 0 else bounds
            run = axes.running(runner.run)
            judged = bounds if is_judged(case, config) else None
            checks, _ = run_case(run, runner.kernels, named, answer, judged)
            evidence.checks += checks
