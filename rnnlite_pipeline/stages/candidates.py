"""The candidates of a search: conversions of one import, each run on the data.

A candidate depends only on the import, the data, and the conversion in float that it is compared
with. There are two ways to make candidates, with the same code and the same figures:

1. The search makes one after the other.
2. Each one is a separate stage, in any process on any machine: `reference` for the conversion in
   float, `candidate` for any other. The search finds the results in `OUT/.work/candidates`.

Times are not measured here, because they can be compared on one machine only. The search does it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from rnnlite_pipeline.compare.batch_axis import Axes, batch_axes
from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.config import Config
from rnnlite_pipeline.config.chosen import ANSWERS, CANDIDATES, IN_FLOAT, Chosen
from rnnlite_pipeline.errors import NotConvertible, RnnliteError, VerificationFailed
from rnnlite_pipeline.files import write_atomically
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.graph.write import write_model
from rnnlite_pipeline.lower.layers import Layer
from rnnlite_pipeline.passes.drop_names import drop_names
from rnnlite_pipeline.quantize import Outcome
from rnnlite_pipeline.quantize.search import Name, Trial, restored, stored
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
from rnnlite_pipeline.verify.application import Started
from rnnlite_pipeline.verify.carried import inputs_left, outputs_left
from rnnlite_pipeline.verify.cases import cases
from rnnlite_pipeline.verify.data import Samples, read_samples
from rnnlite_pipeline.verify.quantized import open_runners
from rnnlite_pipeline.verify.runs import joined, runs_of

#: The outputs of a model on the data by kernels and name, [N, ...].
Answers = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True, eq=False)
class Made:
    """A candidate: its results, and its file, which is empty if there is none or it does not run.

    `answers` are the outputs of the model in float. Other candidates have none.
    """

    trial: Trial
    content: bytes = b""
    answers: Answers = field(default_factory=dict)


def reference(config: Config, out: Path) -> None:
    """The stage reference: the conversion in float, and its outputs on the data.

    Raises:
        VerificationFailed: The data has no labels, or is not the model's.
        NotConvertible: The model does not run in float, and nothing could be held to it.
    """
    made = Candidates(config, out).in_float
    _leave(out, made)
    write_atomically(out / ANSWERS, _packed(made.answers))


def candidate(config: Config, out: Path, chosen: Chosen) -> None:
    """The stage candidate: any other candidate, compared with the results of the stage reference.

    Raises:
        VerificationFailed: The labels are not the model's.
    """
    _leave(out, Candidates(config, out).made((chosen.scheme, chosen.skip)))


class Candidates:
    """Makes candidates, or reads those that separate stages have made.

    Args:
        config: Where `quantization.scheme` is auto.
        out: The model's folder.
    """

    def __init__(self, config: Config, out: Path) -> None:
        self._config, self._out, self.limits = config, out, read_limits(out)
        described_source = json.loads((out / ".work" / "source.json").read_text())
        self._of_source = [TensorSpec.from_json(each) for each in described_source["inputs"]]
        self._outputs = [TensorSpec.from_json(each) for each in described_source["outputs"]]
        path = config.verification.data.path
        assert path is not None  # a config with scheme auto has it
        self._file = config.resolve(path)
        self._left_in_float = self._taken(IN_FLOAT)

    def made(self, name: Name) -> Made:
        """One candidate."""
        asked = Chosen(*name)
        if asked == IN_FLOAT:
            return self.in_float
        return self._taken(asked) or self._make(asked)

    @property
    def samples(self) -> Samples:
        """The data, each array [N, ...]."""
        return self._data[1]

    @cached_property
    def in_float(self) -> Made:
        """The candidate in float. It has answers if it runs, also if a target refuses it.

        Raises:
            NotConvertible: It does not run.
        """
        if self._left_in_float:
            return self._left_in_float
        step(f"trying {IN_FLOAT}")
        conversion, why, content = self._converted_in_float
        if crash := self._crash(content):
            raise NotConvertible(
                f"The model in float, with which every scheme is compared, does not run: {crash}",
                why,
            )
        answers = self._answers(content, IN_FLOAT)
        held = self._figures(answers, answers)
        layers = quantized_layers(conversion)
        return Made(Trial("none", (), why, len(content), *held, layers=layers), content, answers)

    def _make(self, chosen: Chosen) -> Made:
        """A candidate with its file and results, or with the reason why it has none."""
        step(f"trying {chosen}")
        try:
            conversion, why, content = self._convert(chosen)
        except RnnliteError as error:
            return Made(Trial(chosen.scheme, chosen.skip, str(error.message)))
        if why := why or self._crash(content):
            return Made(Trial(chosen.scheme, chosen.skip, why))
        held = self._figures(self.in_float.answers, self._answers(content, chosen))
        layers = quantized_layers(conversion)
        trial = Trial(chosen.scheme, chosen.skip, "", len(content), *held, layers=layers)
        return Made(trial, content)

    def _taken(self, chosen: Chosen) -> Made | None:
        """The results of a separate stage; None if there are none."""
        path = (self._out / CANDIDATES / chosen.called).with_suffix(".json")
        if not path.exists():
            return None
        file = path.with_suffix(".tflite")
        answers = _unpacked(self._out / ANSWERS) if chosen == IN_FLOAT else {}
        content = file.read_bytes() if file.exists() else b""
        return Made(restored(path.read_bytes()), content, answers)

    @cached_property
    def _converted_in_float(self) -> tuple[Conversion, str, bytes]:
        return self._convert(IN_FLOAT)

    def _convert(self, chosen: Chosen) -> tuple[Conversion, str, bytes]:
        """The conversion, the reason why the config does not allow it, and the file."""
        asked = chosen.settle(self._config)
        conversion = converted(read_source(self._out), asked, self.limits)
        why = _refusal(conversion, asked)
        drop_names(conversion.model)
        return conversion, why, write_model(conversion.model)

    def _crash(self, content: bytes) -> str:
        """Why a model does not run, found in a separate process; empty if it runs."""
        fed = feed(Candidate("", content), {}, self.limits)
        return peak_memory(self._out / ".work", content, fed)[1]

    @cached_property
    def _data(self) -> tuple[Axes, Samples]:
        """The batch axes, found with the model in float, and the data with the batch in front.

        Raises:
            VerificationFailed: The data has no labels, or is not the model's.
        """
        left = self._left_in_float
        content = left.content if left else self._converted_in_float[2]
        first = open_runners(content, IN_FLOAT.settle(self._config))[0]
        states = described(read_model(content))
        inputs = inputs_left(self._of_source, states)
        axes = batch_axes(inputs, Started(first, states).run, self.limits)
        outputs = outputs_left(self._outputs, states)
        samples = read_samples(self._file, axes.batch_first(inputs), outputs)
        if not samples.labels:
            raise VerificationFailed(
                f"quantization.scheme auto is judged by accuracy, and {self._file} has no labels.",
                "Add an array `labels` to the file, or name a scheme.",
                ("quantization", "scheme"),
            )
        return axes, samples

    def _answers(self, content: bytes, chosen: Chosen) -> Answers:
        """The outputs on the data, for all kernels of every runtime that the config names."""
        axes, samples = self._data
        states = described(read_model(content))
        inputs = inputs_left(self._of_source, states)
        data = next(cases(samples, axes.batch_first(inputs), self.limits))
        answers: dict[str, dict[str, Array]] = {}
        runners = open_runners(content, chosen.settle(self._config))
        for kernels, run in runs_of(runners, states, axes).items():
            outputs = [run(each) for each in data.feeds]
            whole = {name: joined(outputs, name, len(samples)) for name in outputs[0]}
            answers[kernels] = {n: a for n, a in whole.items() if a is not None}
        return answers

    def _figures(self, real: Answers, answers: Answers) -> tuple[float, float, float]:
        """The error, the accuracy and its loss, each the worst of all kernels and outputs."""
        samples = self.samples
        errors, rates, drops = [0.0], list[float](), list[float]()
        for kernels, outputs in answers.items():
            for name, values in outputs.items():
                expected = real[kernels][name]
                found = compare(expected, values)
                errors.append(found.error / found.scale if found.scale else found.error)
                labels = samples.labels.get(name)
                if labels is not None and expected.shape == values.shape:
                    check_labels(str(self._file), name, expected, labels)
                    rates.append(accuracy(name, values, labels))
                    drops.append(accuracy(name, expected, labels) - rates[-1])
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
    """The recurrent layer of an op by its name; else the scope of the op."""
    names = [op.inside, *op.name.split(";")]
    for layer in layers:
        scope = layer.scope or layer.name
        if any(name == scope or name.startswith(f"{scope}/") for name in names):
            return layer.name
    first = op.name.split(";")[0]
    return first.rpartition("/")[0] or first


def _leave(out: Path, made: Made) -> None:
    """Writes a candidate's files. The file with its results is written last."""
    path = out / CANDIDATES / Chosen(*made.trial.name).called
    if made.content:
        write_atomically(path.with_suffix(".tflite"), made.content)
    write_atomically(path.with_suffix(".json"), stored(made.trial))


def _refusal(conversion: Conversion, asked: Config) -> str:
    """Why the config does not allow a conversion; empty if it does."""
    try:
        check_convertible(conversion, asked)
    except RnnliteError as error:
        return str(error.message)
    return ""


def _packed(answers: Answers) -> bytes:
    """Arrays as an .npz file: by number, with `names`, a JSON list of their kernels and names."""
    named = [(kernels, name) for kernels, outputs in answers.items() for name in outputs]
    arrays = {str(i): answers[kernels][name] for i, (kernels, name) in enumerate(named)}
    file = io.BytesIO()
    np.savez(file, names=np.array(json.dumps(named)), **arrays)  # type: ignore[arg-type]  # a key
    return file.getvalue()


def _unpacked(path: Path) -> Answers:
    answers: dict[str, dict[str, Array]] = {}
    with np.load(path, allow_pickle=False) as file:
        for i, (kernels, name) in enumerate(json.loads(str(file["names"]))):
            answers.setdefault(kernels, {})[name] = file[str(i)]
    return answers
