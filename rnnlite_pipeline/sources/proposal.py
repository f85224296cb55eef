"""What the inputs and outputs of a TensorFlow 1 graph may be: a proposal, for a person to check.

A graph does not say it. Rules:

1. Ops for training, saving and summaries are no part of the model.
2. An output is a tensor that no op of the model reads, and that depends on what a placeholder
   holds that is no switch, not on its size alone. A text that is made of a result does not count
   as a reader. The last states of a loop count where there is nothing else. Where all of these are
   single numbers, as losses and accuracies are, it is the last tensor before other placeholders,
   such as labels, come in.
3. Inputs are the placeholders that the outputs depend on. One of them is a constant if it is a
   switch (a bool) or a single number, such as the part that a dropout keeps, and others are left.
4. Strings are taken apart before the model, as is sound: LiteRT has no op for it. The input is then
   the first tensor behind what reads the strings, or behind the spectrum and its coefficients.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rnnlite_pipeline.errors import SourceError
from rnnlite_pipeline.sources.formats.graph_def import open_session
from rnnlite_pipeline.sources.graphdef.placeholders import likely_value

_TRAINING = re.compile(
    r"(^|/)(gradients|save(_\d+)?|train(ing)?_?(op|step)?|report_uninitialized|init(_\d+)?|"
    r"(Rms|RMS|Adam|Adagrad|Momentum|GradientDescent)\w*|\w*[Ss]ummar(y|ies)\w*)(/|$)"
)
_NO_VALUES = re.compile(
    r"(Assign|Apply|Save|Restore|Merge(V2)?Checkpoint|\w*Summary|NoOp|Assert|Print|Const$|"
    r"Variable|VarHandle|Placeholder|ReadVariable|VarIsInit|Shard|Histogram|Scalar\w+$)"
)


#: Names of single numbers whose placeholder does not say its rank.
_SWITCHES = re.compile(r"keep|drop|prob|train|phase|rate|infer|test", re.IGNORECASE)


#: Ops that give a size of what they read.
_SIZES = ("Shape", "ShapeN", "Size", "Rank")

#: Ops on sound in front of a model, which LiteRT has not.
_SOUND = ("AudioSpectrogram", "Mfcc")


@dataclass(frozen=True)
class Proposal:
    """Keys of `source:`, by tensor name.

    Attributes:
        inputs: The shape of each input, None where it is open.
        outputs: The names of the outputs.
        constants: The value of each other placeholder.
    """

    inputs: dict[str, list[int | None]]
    outputs: list[str]
    constants: dict[str, Any]

    def as_source(self) -> dict[str, Any]:
        """The keys that say something."""
        keys = {"inputs": self.inputs, "outputs": self.outputs, "constants": self.constants}
        return {key: value for key, value in keys.items() if value}


def propose(path: Path) -> Proposal:
    """Rules 1 to 3, for a frozen graph, or a .meta file with its checkpoint.

    Raises:
        SourceError: It cannot be read, or no tensor of it depends on a placeholder.
    """
    graph = open_session(path).graph
    operations = graph.get_operations()
    given = _given(operations)
    reads, values = _reads(operations, given), _reads(operations, given, _SIZES)
    fed = {op for op in given if not _is_switch(op)} or given
    model = [op for op in operations if values[op] & fed and _is_of_model(op)]
    outputs = list(_outputs(model, reads))
    if not outputs:
        raise SourceError(
            f"No tensor of {path} depends on a placeholder.",
            "Write the config with source.format: graph_def, source.inputs and source.outputs.",
        )
    needed = frozenset[Any]().union(*(reads[op] for op in outputs))
    inputs, constants = _parted([op for op in operations if op in needed])
    _check_ranks(path, inputs, outputs)
    nodes = graph.as_graph_def().node
    likely = {op.name: likely_value(op.name, op.outputs[0].dtype, nodes) for op in constants}
    return Proposal(
        {op.name: _shape(op) for op in inputs},
        [op.name for op in outputs],
        {name: yaml.safe_load(value) for name, value in likely.items()},
    )


def _given(operations: Sequence[Any]) -> set[Any]:
    """The ops that give what a caller passes: placeholders, and by rule 4 what stands for them."""
    strings = [op for op in operations if op.type == "Placeholder" and _holds_strings(op)]
    taking_apart = set(strings)
    for op in operations:
        before = any(t.op in taking_apart for t in op.inputs)
        if before and (op.type in _SOUND or any(_is_string(t) for t in op.inputs)):
            taking_apart.add(op)
    behind = {
        op
        for op in taking_apart
        for t in op.outputs
        if not _is_string(t) and any(r not in taking_apart for r in t.consumers())
    }
    return {op for op in operations if op.type == "Placeholder" and op not in strings} | behind


def _holds_strings(op: Any) -> bool:
    return any(map(_is_string, op.outputs))


def _is_string(tensor: Any) -> bool:
    return bool(tensor.dtype.base_dtype.name == "string")


def _check_ranks(path: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Refuses a graph that does not say how many axes an input has.

    Raises:
        SourceError: It names the input, and the lines to write.
    """
    names = [op.name for op in outputs]
    shown = ", ".join(names[:3] + ["..."] * (len(names) > 3))
    for op in inputs:
        if op.outputs[0].shape.rank is None:
            raise SourceError(
                f'{path} does not say the shape of its input "{op.name}".',
                f"Write the config with source.format: graph_def, source.inputs: {{{op.name}: "
                "[null, STEPS, FEATURES]}, or whatever its shape is, and source.outputs: "
                f"[{shown}].",
            )


def _reads(
    operations: Sequence[Any], given: Collection[Any], ends: Collection[str] = ()
) -> dict[Any, frozenset[Any]]:
    """What a caller passes that each op depends on; loops are gone round until nothing is new.

    Args:
        operations: The graph's.
        given: The ops that give it.
        ends: The kinds of ops that depend on none, whatever they read.
    """
    reads = {op: frozenset([op]) if op in given else frozenset[Any]() for op in operations}
    changed = True
    while changed:
        changed = False
        for op in (op for op in operations if op.type not in ends and op not in given):
            found = reads[op].union(*(reads[t.op] for t in op.inputs))
            changed |= found != reads[op]
            reads[op] = found
    return reads


def _is_of_model(op: Any) -> bool:
    """Rule 1."""
    return bool(op.outputs) and not _TRAINING.search(op.name) and not _NO_VALUES.match(op.type)


def _outputs(model: Sequence[Any], reads: Mapping[Any, frozenset[Any]]) -> Iterator[Any]:
    """Rule 2."""
    values = [op for op in model if _is_value(op)]
    own = _ancestors(*values) & {*model} | {*values}
    readers = {op: [r for t in op.outputs for r in t.consumers() if r in own] for op in model}
    ends = [op for op in model if not readers[op] and _is_value(op)]
    ends = [op for op in ends if op.type != "Exit"] or ends
    large = [op for op in ends if op.outputs[0].shape.rank != 0]
    if large or not ends:
        yield from large
        return
    given = {op: {each for each in reads[op] if not _is_switch(each)} for op in model}
    before = [
        op
        for op in model
        if op.outputs[0].dtype.is_floating
        and op.outputs[0].shape.rank != 0
        and any(given[reader] > given[op] for reader in readers[op])
    ]
    behind = {op: _ancestors(op) for op in before}
    last = [op for op in before if not any(op in behind[other] for other in before)]
    yield from last or ends


def _ancestors(*ops: Any) -> set[Any]:
    """The ops that some ops are computed from."""
    found, waiting = set[Any](), [*ops]
    while waiting:
        new = {t.op for t in waiting.pop().inputs} - found
        found |= new
        waiting += new
    return found - {*ops}


def _is_value(op: Any) -> bool:
    dtype = op.outputs[0].dtype
    return bool(dtype.is_floating or dtype.is_integer or dtype.is_bool)


def _parted(placeholders: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Rule 3: inputs, and constants."""
    constants = [op for op in placeholders if _is_switch(op)]
    inputs = [op for op in placeholders if op not in constants]
    return (inputs, constants) if inputs else (constants, [])


def _is_switch(op: Any) -> bool:
    dtype, rank = op.outputs[0].dtype, op.outputs[0].shape.rank
    single = rank == 0 or (rank is None and bool(_SWITCHES.search(op.name)))
    return single and (dtype.is_bool or dtype.is_floating)


def _shape(op: Any) -> list[int | None]:
    shape = op.outputs[0].shape
    return [] if shape.rank is None else list(shape.as_list())
