"""The main graph of a model as boxes and lines; a large one is folded by layer (fold.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.report.about import shape
from rnnlite_pipeline.report.evidence import About
from rnnlite_pipeline.report.figures import plural
from rnnlite_pipeline.report.fold import blocks, chains, intervals, label, layers, recurrent
from rnnlite_pipeline.report.html import Section, rendered, section

#: Graphs of more boxes are folded.
MOST_BOXES = 24
_ROW, _GAP, _HEIGHT = 62, 14, 40
_LETTER, _PADDING = 6.3, 20

#: The longest title of a box, in letters.
_LONGEST = 46

Groups = list[list[Op]]


@dataclass(eq=False)
class Box:
    """A box of the drawing: a group of ops, an input, or an output.

    Attributes:
        title: The first line: the op, or the name.
        under: The second line: the shape of the output, or the number of ops.
        kind: The CSS class: "io", "recurrent" or "op".
        before: The boxes whose outputs it reads.
        place: Its left edge and its row; known after the layout.
    """

    title: str
    under: str
    kind: str = "op"
    before: list[Box] = field(default_factory=list)
    place: tuple[float, int] = (0.0, 0)

    @property
    def width(self) -> float:
        """Its width, in units of the drawing."""
        return max(len(self.title), len(self.under)) * _LETTER + _PADDING

    @property
    def middle(self) -> float:
        """The x coordinate of its middle, where its lines start and end."""
        return self.place[0] + self.width / 2


def graphs(about: About) -> Section:
    """Both main graphs, side by side where there is room."""
    own = {layer["name"]: layer["name"] for layer in about.layers}
    together: dict[str, list[str]] = {}
    for layer in about.layers:
        together.setdefault(layer.get("scope") or layer["name"], []).append(layer["name"])
    became = {scope: ", ".join(sorted(names)) for scope, names in together.items()}
    shown = []
    for title, model, names in (
        ("As imported", about.source, own),
        ("Converted", about.model, became),
    ):
        drawing, note = draw(model, names)
        shown.append({"title": title, "drawing": drawing, "note": note})
    return section("graph", "The graph, before and after", graphs=shown)


def draw(model: Model, scopes: Mapping[str, str] | None = None) -> tuple[Markup, str]:
    """The drawing, and a note on what it leaves out or folds.

    Args:
        model: The model.
        scopes: The name of each recurrent layer by what the names of its tensors begin with.
    """
    shown = _carrying(model)
    known = scopes or {}
    hidden = len(model.main.ops) - len(shown)
    said = f"{plural(hidden, 'op')} for sizes and first states left out." if hidden else ""
    groups, note = _grouped(model, shown, known)
    boxes = _boxes(model, groups, known, folded=bool(note))
    return _drawn(boxes), " ".join(filter(None, (note, said)))


def _grouped(model: Model, shown: Sequence[Op], scopes: Mapping[str, str]) -> tuple[Groups, str]:
    """The ops in groups, as fine as can still be drawn; and in words what was folded."""
    ways: tuple[tuple[Callable[[], Groups], str], ...] = (
        (lambda: chains(model, shown), ""),
        (lambda: layers(shown, scopes), "folded by layer"),
        (lambda: blocks(shown, scopes), "folded by block of layers"),
    )
    for way, how in ways:
        groups = way()
        if len(groups) <= MOST_BOXES:
            return groups, f"{plural(len(shown), 'op')}, {how}." if how else ""
    groups = intervals(groups, MOST_BOXES)
    return groups, f"{plural(len(shown), 'op')}, folded into {plural(len(groups), 'part')}."


def _carrying(model: Model) -> list[Op]:
    """The ops between inputs and outputs, in order, without those that only compute sizes."""
    reached = set(model.main.inputs)
    forward = []
    for op in model.main.ops:
        if op.code != "SHAPE" and any(t in reached for t in op.inputs if t is not None):
            reached.update(op.outputs)
            forward.append(op)
    needed = set(model.main.outputs)
    carrying = []
    for op in reversed(forward):
        if needed & set(op.outputs):
            needed.update(t for t in op.inputs if t is not None)
            carrying.append(op)
    return carrying[::-1]


def _boxes(
    model: Model, groups: Sequence[Sequence[Op]], scopes: Mapping[str, str], *, folded: bool
) -> list[Box]:
    """A box for each group, each input and each output."""
    names = _names(model)
    made: dict[Tensor, Box] = {}
    boxes = []
    for tensor in model.main.inputs:
        made[tensor] = Box(names.get(tensor, tensor.name), shape(tensor), "io")
        boxes.append(made[tensor])
    for group in groups:
        box = _folded(group, scopes) if folded else _chain(group, scopes)
        fed = [made[t] for op in group for t in op.inputs if t in made and made[t] is not box]
        box.before = list(dict.fromkeys(fed))
        made.update((t, box) for op in group for t in op.outputs)
        boxes.append(box)
    for tensor in model.main.outputs:
        before = [made[tensor]] if tensor in made else []
        boxes.append(Box(names.get(tensor, tensor.name), shape(tensor), "io", before))
    return boxes


def _names(model: Model) -> dict[Tensor, str]:
    """The names of the inputs and outputs in the signature."""
    sides = (side for s in model.signatures[:1] for side in (s.inputs, s.outputs))
    return {tensor: name for side in sides for name, tensor in side.items()}


def _chain(chain: Sequence[Op], scopes: Mapping[str, str]) -> Box:
    first, last = chain[0], chain[-1]
    under = shape(last.outputs[0]) if last.outputs else ""
    if recurrent(first):
        if first.code == "WHILE":
            under = f"a loop of {plural(_inside(first), 'op')}"
        name = label(first, scopes)
        named = [name] if name in scopes.values() and len(name) <= _LONGEST else []
        return Box(first.code, ", ".join([*named, under]), "recurrent")
    if len(chain) == 1:
        return Box(first.code, under)
    if len(chain) == 2:
        return Box(f"{first.code} → {last.code}", under)
    return Box(f"{first.code} → … → {last.code}", f"{len(chain)} ops, {under}")


def _folded(group: Sequence[Op], scopes: Mapping[str, str]) -> Box:
    """The title of a group: its layers by name, and its ops."""
    named = list(dict.fromkeys(label(op, scopes) for op in group))
    tops = {name.split("/")[0] for name in named}
    if len(named) == 1:
        title = named[0]
    else:
        title = tops.pop() if len(tops) == 1 else f"{named[0]} → {named[-1]}"
    if len(title) > _LONGEST:
        title = f"{title[: _LONGEST // 2 - 1]}…{title[-_LONGEST // 2 :]}"
    over_time = list(dict.fromkeys(op.code for op in group if recurrent(op)))
    if len(named) > 2:
        said = plural(len(named), "layer")
    elif len(group) == 1:
        said = group[0].code
    else:
        said = plural(len(group), "op")
    under = ", ".join(dict.fromkeys([*over_time, said]))
    return Box(title, under, "recurrent" if over_time else "op")


def _inside(loop: Op) -> int:
    body = loop.options.get("body_subgraph")
    return len(body.ops) if body is not None else 0


def _drawn(boxes: Sequence[Box]) -> Markup:
    rows = _rows(boxes)
    width = max(_span(row) for row in rows)
    for number, row in enumerate(rows):
        left = (width - _span(row)) / 2
        for box in row:
            box.place = (left, number)
            left += box.width + _GAP
    values: dict[str, Any] = {
        "width": width + 2,
        "height": len(rows) * _ROW - (_ROW - _HEIGHT) + 2,
        "box_height": _HEIGHT,
        "row": _ROW,
        "boxes": boxes,
        "lines": [_line(before, box) for box in boxes for before in box.before],
    }
    return rendered("graph.svg.jinja", values)


def _rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Each box below the boxes that feed it, in the order of those boxes."""
    depth: dict[Box, int] = {}
    for box in boxes:  # a box comes after the boxes that feed it
        depth[box] = max((depth[b] + 1 for b in box.before), default=0)
    rows: list[list[Box]] = [[] for _ in range(max(depth.values()) + 1)]
    for box in boxes:
        rows[depth[box]].append(box)
    place: dict[Box, float] = {}
    for row in rows:
        row.sort(key=lambda box: sum(place[b] for b in box.before) / max(len(box.before), 1))
        place.update((box, (i + 0.5) / len(row)) for i, box in enumerate(row))
    return rows


def _span(row: Sequence[Box]) -> float:
    return sum(box.width for box in row) + _GAP * (len(row) - 1)


def _line(start: Box, end: Box) -> str:
    """The path of a line from one box down to another."""
    x1, y1 = start.middle, start.place[1] * _ROW + _HEIGHT
    x2, y2 = end.middle, end.place[1] * _ROW
    bend = (_ROW - _HEIGHT) * 0.7
    return f"M{x1:.1f} {y1}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2}"
