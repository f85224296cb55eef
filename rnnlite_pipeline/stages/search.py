"""The stage search: `quantization.scheme: auto` becomes a scheme and the layers that stay in float.

Candidates are ordinary conversions of the one import (convert.py). They are held to the conversion
in float, which is much faster than the source is and does not need its framework. The stage verify
holds the one that is taken to the source itself, as any model.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rnnlite_pipeline.compare.batch_axis import Axes, batch_axes
from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import CHOSEN, Chosen
from rnnlite_pipeline.config.conversion import CALIBRATED, Scheme
from rnnlite_pipeline.errors import NotConvertible, RnnliteError, VerificationFailed
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.latency.machine import machine
from rnnlite_pipeline.latency.timing import timed
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.passes.drop_names import drop_names
from rnnlite_pipeline.quantize import Outcome
from rnnlite_pipeline.quantize.search import Name, Trial, choose, pareto, trials, with_times
from rnnlite_pipeline.runtimes.interpreter import Runner
from rnnlite_pipeline.runtimes.probe import peak_memory
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.stages.benchmark import Candidate, feed
from rnnlite_pipeline.stages.convert import (
    Conversion,
    check_convertible,
    converted,
    read_limits,
    read_source,
)
from rnnlite_pipeline.state import described
from rnnlite_pipeline.steps import step
from rnnlite_pipeline.verify.accuracy import accuracy, check_labels
from rnnlite_pipeline.verify.cases import cases
from rnnlite_pipeline.verify.data import Samples, read_samples
from rnnlite_pipeline.verify.quantized import open_runners
from rnnlite_pipeline.verify.runs import joined
from rnnlite_pipeline.verify.states import Started

#: The schemes that are tried; the calibrated ones where there is calibration data.
SCHEMES: tuple[Scheme, ...] = ("none", "float16", "dynamic_range", *CALIBRATED)

#: The outputs of a model on the data by kernels and name, [N, ...].
_Answers = Mapping[str, Mapping[str, Array]]


def search(config: Config, out: Path) -> None:
    """Writes the choice for the stages that follow, and `out/search.json` for people.

    Raises:
        VerificationFailed: The data has no labels, or is not the model's.
        NotConvertible: The model is not convertible in float, or no scheme passes.
    """
    most = config.quantization.max_accuracy_drop
    assert most is not None  # the config gives it with scheme auto
    searched = _Search(config, out)
    schemes = [s for s in SCHEMES if s not in CALIBRATED or config.quantization.calibration]
    tried = trials(searched.attempt, schemes, most)
    tried = with_times(tried, searched.times())
    taken = choose(tried, most)
    if taken is None:
        raise NotConvertible(
            f"No scheme gives a model that runs and loses at most {most:g} of its accuracy.",
            f"In float: {tried[0].reason}",
        )
    best = {trial.name for trial in pareto(tried)}
    told = {
        "max_accuracy_drop": most,
        "chosen": {"scheme": taken.scheme, "skip": list(taken.skip)},
        "samples": len(searched.samples),
        "machine": machine(),
        "candidates": [each.as_json() | {"pareto": each.name in best} for each in tried],
    }
    text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_atomically(out / "search.json", text.encode())
    write_atomically(out / CHOSEN, Chosen(taken.scheme, taken.skip).as_json())
    print(f"chosen: {taken.scheme}, in float: {', '.join(taken.skip) or 'nothing'}", flush=True)


class _Search:
    """Makes the candidates, and runs each on the data."""

    def __init__(self, config: Config, out: Path) -> None:
        self._config, self._out, self._limits = config, out, read_limits(out)
        described_source = json.loads((out / ".work" / "source.json").read_text())
        self._inputs = [TensorSpec.from_json(each) for each in described_source["inputs"]]
        outputs = [TensorSpec.from_json(each) for each in described_source["outputs"]]
        path = config.verification.data.path
        assert path is not None  # the config gives it with scheme auto
        self._file = config.resolve(path)
        self._read = partial(read_samples, self._file, outputs=outputs)
        self.samples: Samples
        self._axes: Axes | None = None
        self._real: _Answers = {}
        self._calls: dict[Name, partial[Any]] = {}

    def attempt(self, scheme: Scheme, skip: tuple[str, ...]) -> Trial:
        """One conversion, run on the data; scheme none comes first."""
        skipped = f" without {', '.join(skip)}" if skip else ""
        step(f"trying {scheme}{skipped}")
        asked = Chosen(scheme, skip).settle(self._config)
        try:
            conversion = converted(read_source(self._out), asked, self._limits)
            check_convertible(conversion, asked)
            drop_names(conversion.model)
            content = write_model(conversion.model)
        except RnnliteError as error:
            return Trial(scheme, skip, str(error.message))
        fed = feed(Candidate(scheme, content), {}, self._limits)
        if reason := peak_memory(self._out / ".work", content, fed)[1]:
            return Trial(scheme, skip, reason)
        answers = self._answers(content, asked)
        self._calls[scheme, skip] = self._timed_call(content)
        if not self._real:
            self._real = answers
        return Trial(
            scheme,
            skip,
            "",
            len(content),
            *self._judged(answers),
            layers=quantized_layers(conversion),
        )

    def times(self) -> dict[Name, float]:
        """The median milliseconds of a call of each candidate, measured in turn."""
        step("timing the candidates")
        return {
            name: round(statistics.median(each), 6) for name, each in timed(self._calls).items()
        }

    def _timed_call(self, content: bytes) -> partial[Any]:
        sample = {name: array[:1] for name, array in self.samples.inputs.items()}
        fed = feed(Candidate("", content), sample, self._limits)
        call = partial(Runner(content, "default", threads=1).run, fed)
        call()
        return call

    def _answers(self, content: bytes, asked: Config) -> _Answers:
        states = described(read_model(content))
        answers: dict[str, dict[str, Array]] = {}
        for runner in open_runners(content, asked):
            started = Started(runner, states)
            if self._axes is None:
                self._open(started)
            assert self._axes is not None
            run = self._axes.running(started.run)
            first = self._axes.batch_first(self._inputs)
            data = next(cases(self.samples, first, self._limits))
            outputs = [run(each) for each in data.feeds]
            whole = {name: joined(outputs, name, len(self.samples)) for name in outputs[0]}
            answers[runner.kernels] = {n: a for n, a in whole.items() if a is not None}
        return answers

    def _open(self, runner: Started) -> None:
        """Finds the batch's axes with the first model that runs, and reads the data by them."""
        self._axes = batch_axes(self._inputs, runner.run, self._limits)
        self.samples = self._read(inputs=self._axes.batch_first(self._inputs))
        if not self.samples.labels:
            raise VerificationFailed(
                f"quantization.scheme auto is judged by accuracy; {self._file} has no labels.",
                "Give it an array `labels`, or name a scheme.",
                ("quantization", "scheme"),
            )

    def _judged(self, answers: _Answers) -> tuple[float, float, float]:
        """The error, the accuracy and its drop: the worst of all kernels and outputs."""
        errors, rates, drops = [0.0], list[float](), list[float]()
        for kernels, outputs in answers.items():
            for name, values in outputs.items():
                real = self._real[kernels][name]
                if real.shape != values.shape:
                    continue
                found = compare(real, values)
                errors.append(found.error / found.scale if found.scale else found.error)
                labels = self.samples.labels.get(name)
                if labels is not None:
                    check_labels(str(self._file), name, real, labels)
                    rates.append(accuracy(name, values, labels))
                    drops.append(accuracy(name, real, labels) - rates[-1])
        if not rates:
            raise VerificationFailed(
                "quantization.scheme auto is judged by accuracy, and no output with labels has one"
                " row for each sample.",
                "Name a scheme.",
                ("quantization", "scheme"),
            )
        return max(errors), min(rates), max(drops)


def quantized_layers(conversion: Conversion) -> tuple[str, ...]:
    """The layers that `quantization.skip` can leave in float, as it names them."""
    ops = (each for each in conversion.quantized if each.became != "float32")
    return tuple(dict.fromkeys(_layer(each, conversion.layers) for each in ops))


def _layer(op: Outcome, layers: Sequence[Layer]) -> str:
    """A recurrent layer's name where the op is its; else the scope that the op stands in."""
    names = [op.inside, *op.name.split(";")]
    for layer in layers:
        scope = layer.scope or layer.name
        if any(name == scope or name.startswith(f"{scope}/") for name in names):
            return layer.name
    first = op.name.split(";")[0]
    return first.rpartition("/")[0] or first
