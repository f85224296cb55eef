"""Whether a model is right in every interpreter that opens it, not only in the first one.

    python -m rnnlite_pipeline.verify.interpreters MODEL.tflite [INTERPRETERS [PLAN.json]]

Some faults of a runtime depend on where memory lies. XNNPACK, the default delegate, is one such
place: all parts of a model that it takes share one workspace; when a part is planned that needs
more room, the parts that were set up before are set up again with the pointers they had, and a copy
whose two ends then seem to be one is left out from there on (docs/traps.md, "Right in every
interpreter"). Such a fault shows in one of a hundred interpreters, and after the first call.

Rules:
    1. Each interpreter is opened from the file's path, with junk of random sizes on the heap, half
       of it freed, all of it NaN: what reads memory that it does not own reads NaN. Half of them
       are opened while the one before is still open.
    2. Each makes several calls: of one size, of growing, shrinking and changing sizes, and of sizes
       that were allocated after others without a call in between; each size twice on end at least.
    3. What a call must give is taken twice: from the reference kernels, and from an interpreter of
       the same kernels that was opened for this one size (a model that keeps states: this one size
       and all calls from the first on). The first must agree with the second within the tolerance
       and `ROUNDINGS` roundings of the input; each call must agree with the second within
       `SAME` or the tolerance, whichever is smaller, as the same kernels compute the same numbers.
    4. The work is bounded by counting, so that the same model gives the same figures: sizes beyond
       `CALL_WORK` multiply-adds are left out where smaller ones are open, and beyond `TOTAL_WORK`
       fewer interpreters are opened, down to `FEWEST`, and fewer calls are made, down to
       `FEWEST_CALLS` an interpreter. `SECONDS` is a last resort; the number of interpreters that
       were opened is always told.

It runs in a process of its own (`every_interpreter.py`): the faults it looks for end processes.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rnnlite_pipeline.child import tell
from rnnlite_pipeline.compare.batch_axis import axes_of_model, draw
from rnnlite_pipeline.compare.distance import compare
from rnnlite_pipeline.errors import StageError
from rnnlite_pipeline.graph.edit import ensure_signature
from rnnlite_pipeline.graph.multiply_adds import multiply_adds
from rnnlite_pipeline.graph.read import read_model
from rnnlite_pipeline.runtimes.interpreter import Kernels, Runner
from rnnlite_pipeline.runtimes.partition import PartitionedRunner, has_foreign_ops, open_runner
from rnnlite_pipeline.sources.model import Array, TensorSpec
from rnnlite_pipeline.state import described
from rnnlite_pipeline.verify.application import RealRunner, Started

#: The interpreters that `verify` opens at most and at least, and the calls of each. The fault that
#: this was written for shows in some 3 of 100.
INTERPRETERS, FEWEST = 200, 60
CALLS, FEWEST_CALLS = 6, 2

#: The multiply-adds of one call, and of all calls together, at 1e9 or more a second.
CALL_WORK, TOTAL_WORK = 100_000_000, 20_000_000_000

#: What opening a file costs, in multiply-adds a byte: weights are packed.
OPENING = 20

#: The longest that all interpreters may take.
SECONDS = 240.0

#: How far the same kernels may be from themselves, as a part of the scale: Eigen's sums are made
#: in another order where an array begins at another place, and a rounding may move an integer.
SAME = 1e-3

#: The roundings of the input that two sets of kernels may be apart by: their sums are made in
#: another order, once for each op on the way.
ROUNDINGS = 64

#: Junk on the heap: how many arrays, and between what their largest size lies, in bytes.
JUNK, JUNK_BYTES = 8, (60_000, 600_000)

#: How many wrong calls are told in words.
SHOWN = 3

Outputs = Mapping[str, Array]

#: A batch and a length.
Size = tuple[int, int]

#: Batch and length of the calls, where they are open: a step at a time first, the frequent case of
#: a stream; then batches and lengths that need more memory, and less.
SIZES: tuple[Size, ...] = ((1, 1), (1, 9), (2, 1), (3, 9), (17, 2), (1, 33), (2, 17))


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        axes: The batch's axis of each input; 0 for one that is not there.
        limits: For an input of whole numbers, those it takes, first and last but one.
        sizes: What open axes are: the batch's, and every other.
        tolerance: The largest difference between two sets of kernels, as a part of the scale.
        interpreters: How many are opened; as rule 4 has it where 0.
        stand_ins: Whether an op that nobody can run is stood in for (partition/).
    """

    axes: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sizes: tuple[Size, ...] = SIZES
    tolerance: float = 1e-3
    interpreters: int = 0
    stand_ins: bool = False

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `as_json` wrote."""
        told = json.loads(text)
        sizes = tuple((batch, length) for batch, length in told.pop("sizes"))
        return cls(sizes=sizes, **told)

    def as_json(self) -> str:
        """The plan, for the process that carries it out."""
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True)
class Call:
    """One call of a session.

    Attributes:
        size: Its batch and length.
        place: 0 for the first of this size on end, then 1, 2 ...; each has numbers of its own.
        before: A size that is allocated first, without a call.
    """

    size: Size
    place: int
    before: Size | None = None


@dataclass
class Found:
    """What was seen; `as_json` is the section `interpreters` of verification.json."""

    interpreters: int = 0
    calls: int = 0
    allocated_twice: int = 0
    wrong: int = 0
    largest_difference: float = 0.0
    largest_difference_from_reference: float = 0.0
    sizes: list[Size] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def as_json(self) -> str:
        """All of it; an infinite difference is "inf", no number of JSON."""
        said = {k: "inf" if v == float("inf") else v for k, v in vars(self).items()}
        return json.dumps(said)


class Hammer:
    """Opens a model again and again.

    Args:
        path: The .tflite file.
        plan: What is run.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self._path, self._plan = path, plan
        self._model = read_model(path.read_bytes())
        ensure_signature(self._model)
        self._states = described(self._model)
        kept = {s.input for s in self._states.states} if self._explicit else set()
        self._inputs = [
            TensorSpec.of_tensor(name, tensor)
            for name, tensor in self._model.signatures[0].inputs.items()
            if name not in kept
        ]
        self._real = [
            dataclasses.replace(s, dtype="float32") if self._is_quantized(s.name) else s
            for s in self._inputs
        ]
        self._expected: dict[tuple[Size, int], tuple[Outputs, dict[str, float]]] = {}
        self._feeds: dict[tuple[Size, int], dict[str, Array]] = {}
        self.found = Found()

    def run(self) -> Found:
        """Every interpreter; stops after `SECONDS`."""
        until = time.monotonic() + SECONDS
        sizes = self._sizes()
        interpreters, calls = self._counts(sizes)
        self.found.sizes = list(sizes)
        rng = np.random.default_rng(5)
        opened = None
        for number in range(interpreters):
            noise = _noise(rng)
            if rng.random() < 0.5:
                opened = None  # else it is still open while the next one is opened
            opened = self._open("default")
            self.found.interpreters += 1
            self._session(opened, number, list(_session(rng, number, sizes, calls)))
            del noise
            if time.monotonic() > until:
                break
        return self.found

    @property
    def _explicit(self) -> bool:
        return self._states.policy == "explicit"

    def _is_quantized(self, name: str) -> bool:
        quantization = self._model.signatures[0].inputs[name].quantization
        return bool(quantization and quantization.scale)

    # What is run -------------------------------------------------------------------------------

    def _sizes(self) -> tuple[Size, ...]:
        """The sizes that are different, that the model takes, and that do not take too long."""
        different = {
            tuple(self.feed(s, 0)[i.name].shape for i in self._inputs): s
            for s in self._plan.sizes[::-1]
        }
        order = [s for s in self._plan.sizes if s in different.values()]
        small = sorted(order, key=lambda s: self._work([s]))[:FEWEST_CALLS]
        wanted = [s for s in order if s in small or self._work([s]) <= CALL_WORK]
        taken = tuple(size for size in wanted if self._takes(size))
        if not taken:
            raise StageError(f"The model runs on none of these batches and lengths: {wanted}.")
        return taken

    def _takes(self, size: Size) -> bool:
        try:
            self._open("reference")[1].run(self.feed(size, 0))
        except StageError:
            return False
        return True

    def _work(self, sizes: Sequence[Size]) -> float:
        counts = multiply_adds(self._model)
        return sum(b * (counts["fixed"] + t * counts["per_step"]) for b, t in sizes)

    def _counts(self, sizes: Sequence[Size]) -> tuple[int, int]:
        """How many interpreters, and how many calls of each."""
        opening, call = OPENING * self._path.stat().st_size, self._work(sizes) / len(sizes)
        affordable = int(TOTAL_WORK / (opening + CALLS * call))
        interpreters = self._plan.interpreters or max(FEWEST, min(INTERPRETERS, affordable))
        calls = int((TOTAL_WORK / interpreters - opening) / max(1.0, call))
        return interpreters, max(FEWEST_CALLS, min(CALLS, calls))

    def feed(self, size: Size, place: int) -> Mapping[str, Array]:
        """The numbers of one call, real ones for a quantized input; the same when asked again."""
        if (size, place) not in self._feeds:
            self._feeds[size, place] = self._drawn(size, place)
        return self._feeds[size, place]

    def _drawn(self, size: Size, place: int) -> dict[str, Array]:
        rng = np.random.default_rng((*size, place))
        limits = {name: range(*ends) for name, ends in self._plan.limits.items()}
        return {s.name: draw(rng, s, self._shape(s, size), limits) for s in self._real}

    def _shape(self, spec: TensorSpec, size: Size) -> tuple[int, ...]:
        batch, length = size
        axis = self._plan.axes.get(spec.name, 0)
        sizes = (batch if k == axis else length for k in range(len(spec.shape)))
        return tuple(s if d is None else d for d, s in zip(spec.shape, sizes, strict=True))

    def _open(self, kernels: Kernels) -> tuple[Runner | PartitionedRunner, Started]:
        runner = (
            open_runner(self._model, kernels, stand_ins=self._plan.stand_ins)
            if has_foreign_ops(self._model)
            else Runner(self._path, kernels)
        )
        return runner, Started(RealRunner(runner, self._model), self._states)

    def _allocate(self, runner: Runner, size: Size) -> None:
        shapes = {s.name: self._shape(s, size) for s in self._inputs}
        states = {
            name: tuple(size[0] if d < 0 else d for d in port.shape)
            for name, port in runner.inputs.items()
        }
        runner.allocate(states | shapes)

    # What it must give -------------------------------------------------------------------------

    def expected(self, size: Size, place: int) -> tuple[Outputs, dict[str, float]]:
        """What a call must give, and how far it may be from that, by output (rule 3)."""
        if (size, place) not in self._expected:
            places = range(place + 1) if self._states.states else (place,)
            truth = self._alone("reference", size, places)
            moved = self._alone("reference", size, places, nudged=True)
            own = self._alone("default", size, places)
            for k, reference, other, mine in zip(places, truth, moved, own, strict=True):
                self._hold(size, k, reference, other, mine)
        return self._expected[size, place]

    def _alone(
        self, kernels: Kernels, size: Size, places: Sequence[int], *, nudged: bool = False
    ) -> list[Outputs]:
        started = self._open(kernels)[1]
        feeds = [self.feed(size, place) for place in places]
        if nudged:
            feeds = [_nudged(feed) for feed in feeds]
        return [started.run(feeds[0]), *map(started.resume, feeds[1:])]

    def _hold(self, size: Size, place: int, truth: Outputs, moved: Outputs, own: Outputs) -> None:
        """Holds an interpreter of one size to the reference kernels."""
        limits = {}
        for name, array in truth.items():
            difference = compare(array, own[name])
            rounding = compare(array, moved[name]).error if array.dtype.kind == "f" else 0.0
            limit = difference.limit(self._plan.tolerance) + ROUNDINGS * min(rounding, 1e30)
            self.found.largest_difference_from_reference = max(
                self.found.largest_difference_from_reference, difference.error
            )
            if not difference.error <= limit:
                self._wrong(
                    f'opened for {_words(size)} alone: output "{name}" '
                    f"{difference.what or f'differs by {difference.error:.2g}'} from the reference"
                    f" kernels, at most {limit:.2g} passes"
                )
            limits[name] = difference.limit(min(self._plan.tolerance, SAME))
        self._expected[size, place] = (own, limits)

    # A session ---------------------------------------------------------------------------------

    def _session(
        self, opened: tuple[Runner | PartitionedRunner, Started], number: int, calls: Sequence[Call]
    ) -> None:
        runner, started = opened
        last: Size | None = None
        for k, call in enumerate(calls, 1):
            where = f"interpreter {number + 1}, call {k}, {_words(call.size)}"
            if call.before and isinstance(runner, Runner):
                self.found.allocated_twice += 1
                where += f", allocated after {_words(call.before)}"
            elif last not in (None, call.size):
                where += f", after {_words(last)}"
            last = call.size
            expected, limits = self.expected(call.size, call.place)
            self.found.calls += 1
            try:
                if call.before and isinstance(runner, Runner):
                    self._allocate(runner, call.before)
                run = started.run if call.place == 0 else started.resume
                results = run(self.feed(call.size, call.place))
            except (StageError, RuntimeError, ValueError) as error:
                self._wrong(f"{where}: {str(error).splitlines()[0]}")
                return
            self._judge(where, expected, limits, results)

    def _judge(
        self, where: str, expected: Outputs, limits: Mapping[str, float], results: Outputs
    ) -> None:
        for name, array in expected.items():
            difference = compare(array, results[name])
            self.found.largest_difference = max(self.found.largest_difference, difference.error)
            if not difference.error <= limits[name]:
                what = difference.what or f"differs by {difference.error:.2g}"
                self._wrong(f'{where}: output "{name}" {what}')
                return

    def _wrong(self, what: str) -> None:
        self.found.wrong += 1
        if len(self.found.told) < SHOWN:
            self.found.told.append(what)


def _session(
    rng: np.random.Generator, number: int, sizes: Sequence[Size], calls: int
) -> Iterator[Call]:
    """The calls of one interpreter: six kinds by turns.

    Each size is called twice on end at least: a call after a change plans all parts anew, and what
    it leaves out shows in the next one.
    """
    kind = number % 6
    chosen = [sizes[int(k)] for k in rng.integers(len(sizes), size=max(1, calls // 2))]
    before = [sizes[int(k)] for k in rng.integers(len(sizes), size=len(chosen))]
    if kind == 0:
        chosen = [sizes[0]] * len(chosen)
    elif kind == 1:
        chosen = chosen[:1] * len(chosen)
    elif kind in (2, 3):
        chosen.sort(key=lambda size: size[0] * size[1], reverse=kind == 3)
    last, place = None, 0
    for size, other in zip(chosen, before, strict=True):
        twice = kind == 5 and other != size
        place = place + 1 if size == last and not twice else 0
        yield Call(size, place, other if twice else None)
        place += 1
        yield Call(size, place)
        last = size


def _noise(rng: np.random.Generator) -> list[Array]:
    """Junk on the heap, half of it freed."""
    sizes = (rng.uniform(*JUNK_BYTES) * rng.random(JUNK)).astype(int)
    junk = [np.full(1 + n // 4, np.nan, np.float32) for n in sizes]
    del junk[::2]
    return junk


def _nudged(feed: Mapping[str, Array]) -> dict[str, Array]:
    """Every float moved by one rounding, up or down."""
    rng = np.random.default_rng(1)
    away = {n: rng.choice([-np.inf, np.inf], a.shape) for n, a in feed.items()}
    return {
        n: np.nextafter(a, away[n].astype(a.dtype)) if a.dtype.kind == "f" else a
        for n, a in feed.items()
    }


def _words(size: Size | None) -> str:
    return f"batch {size[0]} and length {size[1]}" if size else ""


def _axes(path: Path) -> Mapping[str, int]:
    """The batch's axis of each input, found by running the model."""
    model = read_model(path.read_bytes())
    ensure_signature(model)
    runner = RealRunner(open_runner(model, "reference"), model)
    return axes_of_model(model, Started(runner, described(model)).run, {}).inputs


def main(words: Sequence[str]) -> str:
    """Carries out a plan.

    Args:
        words: The model, the number of interpreters, and a file with the plan; the last two may
            be left out.

    Returns:
        What was found, as JSON.
    """
    path = Path(words[0])
    if len(words) > 2:
        plan = Plan.from_json(Path(words[2]).read_text(encoding="utf-8"))
    else:
        plan = Plan(axes=_axes(path))
    if len(words) > 1:
        plan = dataclasses.replace(plan, interpreters=int(words[1]))
    return Hammer(path, plan).run().as_json()


if __name__ == "__main__":
    if len(sys.argv) > 3:  # a stage waits for the answer
        tell(lambda: main(sys.argv[1:]))
    else:
        answer = main(sys.argv[1:])
        print(answer)
        sys.exit(json.loads(answer)["wrong"] > 0)
