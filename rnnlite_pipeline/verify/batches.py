"""The data of a verification, run in parts: on the source, and on each set of kernels.

A part is some of the calls of the case "data", each with the inputs that it has in one piece. Every
call begins with the first states, so what it gives does not depend on those before it. The parts of
a large data set are stages of their own (`stages/batch.py`). verify puts their outputs together and
judges them as if it had made every call itself. A part that is not there is run here.

A file names what it was made of; what another model, source or data left is not taken.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import rnnlite_pipeline
from rnnlite_pipeline.config.part import BATCHES, Part
from rnnlite_pipeline.files import BROKEN_ZIP, digest, write_atomically
from rnnlite_pipeline.sources.model import Array
from rnnlite_pipeline.verify.cases import Case
from rnnlite_pipeline.verify.oracle import Answer, Oracle
from rnnlite_pipeline.verify.runs import Calls, Outputs, Runs, calls_of

if TYPE_CHECKING:
    from rnnlite_pipeline.config import Config

_NAME = re.compile(r"(\d{3,})-of-(\d{3,})")

#: In a file of outputs: of the source, and of the first and the second call of the model.
_SOURCE, _FIRST, _SECOND = range(3)


@dataclass(frozen=True, eq=False)
class Ran:
    """What calls gave.

    Attributes:
        answers: Of each source that the model is held to.
        calls: The model's by kernels, each made twice.
    """

    answers: tuple[Answer, ...]
    calls: Mapping[str, Calls]

    def __add__(self, other: Ran) -> Ran:
        pairs = zip(self.answers, other.answers, strict=True)
        answers = (Answer((*one.outputs, *two.outputs), {}) for one, two in pairs)
        calls = {kernels: (*own, *other.calls[kernels]) for kernels, own in self.calls.items()}
        return Ran(tuple(answers), calls)


def run_part(part: Part, case: Case, oracles: Sequence[Oracle], runs: Runs) -> Ran:
    """Makes the calls of one part.

    Args:
        part: Which of them.
        case: The data.
        oracles: The sources.
        runs: The model.

    Raises:
        VerificationFailed: A source cannot run on it, or answers otherwise when asked again.
    """
    own = replace(case, feeds=case.feeds[part.within(len(case.feeds))])
    answers = tuple(_answer(oracle, own) for oracle in oracles)
    return Ran(answers, {kernels: calls_of(run, own) for kernels, run in runs.items()})


def made_of(config: Config, content: bytes, imported: bytes) -> str:
    """A digest of what the outputs depend on.

    Args:
        config: The model's config.
        content: The model.
        imported: The graph of the source.
    """
    named = (config.source.path, config.source.weights, config.verification.data.path)
    paths = [config.resolve(path) for path in named if path]
    files = [digest(path) for path in paths if path.exists()]
    models = [hashlib.sha256(each).hexdigest() for each in (content, imported)]
    told = [rnnlite_pipeline.__version__, config.source.format, *models, *files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Parts:
    """What parts of the data left.

    Attributes:
        out: The model's folder.
        basis: Gives `made_of`. It reads every file of the source, so it is asked for where there
            are parts, and nowhere else.
    """

    out: Path
    basis: Callable[[], str]

    def write(self, part: Part, ran: Ran) -> None:
        """Leaves the outputs of a part for verify."""
        write_atomically(self._path(part), _packed(ran, self.basis()))

    def run(self, case: Case, oracles: Sequence[Oracle], runs: Runs) -> Ran:
        """All calls of the data. What parts left is taken, the rest is run here.

        Args:
            case: The data.
            oracles: The sources.
            runs: The model.

        Raises:
            VerificationFailed: As `run_part`.
        """
        count = self._count()
        if not count:
            return run_part(Part(0, 1), case, oracles, runs)
        basis = self.basis()
        parts = (Part(number, count) for number in range(count))
        ran = (
            self._taken(part, basis, case, len(oracles), runs)
            or run_part(part, case, oracles, runs)
            for part in parts
        )
        return reduce(add, ran)

    def _path(self, part: Part) -> Path:
        return self.out / BATCHES / f"{part.called}.npz"

    def _count(self) -> int:
        """In how many parts the data was run; 0 where it was not."""
        names = (_NAME.fullmatch(path.stem) for path in (self.out / BATCHES).glob("*.npz"))
        return next((int(name[2]) for name in names if name), 0)

    def _taken(self, part: Part, basis: str, case: Case, oracles: int, runs: Runs) -> Ran | None:
        """What is there of a part, if it is of this case on so many sources and these kernels."""
        try:
            ran = _unpacked(self._path(part).read_bytes(), basis)
        except (*BROKEN_ZIP, KeyError, OSError, ValueError):
            return None
        calls = len(case.feeds[part.within(len(case.feeds))])
        right = (
            ran is not None
            and len(ran.answers) == oracles
            and list(ran.calls) == list(runs)
            and all(len(each.outputs) == calls for each in ran.answers)
            and all(len(each) == calls for each in ran.calls.values())
        )
        return ran if right else None


def _answer(oracle: Oracle, data: Case) -> Answer:
    answer = oracle.answer(data) if data.feeds else Answer((), {})
    assert not isinstance(answer, str)  # only extreme input is refused without an error
    return answer


def _packed(ran: Ran, basis: str) -> bytes:
    """As an .npz file: arrays by number, and `about`, a JSON object.

    Its `arrays` say what each of them is: which kind, of which source or kernels, of which call,
    and the output's name. A second call that gave the bytes of the first one has none.
    """
    named: list[tuple[int, int | str, int, str]] = []
    arrays: list[Array] = []

    def add(kind: int, of: int | str, call: int, outputs: Outputs) -> None:
        named.extend((kind, of, call, name) for name in outputs)
        arrays.extend(outputs.values())

    for index, answer in enumerate(ran.answers):
        for call, outputs in enumerate(answer.outputs):
            add(_SOURCE, index, call, outputs)
    for kernels, calls in ran.calls.items():
        for call, (first, second) in enumerate(calls):
            add(_FIRST, kernels, call, first)
            if not _same(first, second):
                add(_SECOND, kernels, call, second)
    about = {
        "made_of": basis,
        "arrays": named,
        "answers": [len(each.outputs) for each in ran.answers],
        "calls": {kernels: len(each) for kernels, each in ran.calls.items()},
    }
    file = io.BytesIO()
    numbered = {str(number): array for number, array in enumerate(arrays)}
    np.savez(file, about=np.array(json.dumps(about)), **numbered)  # type: ignore[arg-type]  # keys
    return file.getvalue()


def _unpacked(content: bytes, basis: str) -> Ran | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        if about["made_of"] != basis:
            return None
        found: dict[tuple[int, int | str, int], dict[str, Array]] = {}
        for number, (kind, of, call, name) in enumerate(about["arrays"]):
            found.setdefault((kind, of, call), {})[name] = file[str(number)]

    def one(kind: int, of: int | str, call: int) -> dict[str, Array]:
        return found[(kind, of, call)]

    def both(kernels: str, call: int) -> tuple[Outputs, Outputs]:
        first = one(_FIRST, kernels, call)
        return first, found.get((_SECOND, kernels, call), first)

    answers = (
        Answer(tuple(one(_SOURCE, index, call) for call in range(count)), {})
        for index, count in enumerate(about["answers"])
    )
    calls = {
        kernels: tuple(both(kernels, call) for call in range(count))
        for kernels, count in about["calls"].items()
    }
    return Ran(tuple(answers), calls)


def _same(one: Outputs, two: Outputs) -> bool:
    """Whether both have the same bytes."""
    return list(one) == list(two) and all(
        (a.dtype, a.shape, a.tobytes()) == (two[name].dtype, two[name].shape, two[name].tobytes())
        for name, a in one.items()
    )
