"""The main graph of a model as boxes and lines, inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from rnnlite_pipeline.graph.ir import Model, Op, Tensor
from rnnlite_pipeline.report.about import shape
from rnnlite_pipeline.report.html import section

#: Graphs of more boxes are not drawn.
MOST_BOXES = 40
_ROW, _GAP, _HEIGHT = 62, 14, 40
_LETTER, _PADDING = 6.3, 20


@dataclass(eq=False)
class Box:
    """What is drawn: ops in a row of which each feeds only the next, or an input or output.

    Attributes:
        title: The op; of several, the first and the last.
        under: A second line: the shape it puts out, or how many ops a loop holds.
        kind: The CSS class: "io", "recurrent" or "op".
        before: The boxes that feed it.
        place: Left edge and row, once laid out.
    """

    title: str
    under: str
    kind: str = "op"
    before: list[Box] = field(default_factory=list)
    place: tuple[float, int] = (0.0, 0)

    @property
    def width(self) -> float:
        """In units of the drawing."""
        return max(len(self.title), len(self.under)) * _LETTER + _PADDING


def draw(model: Model) -> tuple[str, str]:
    """The drawing, empty where the graph is too large, and what was left out, in words."""
    shown = _carrying(model)
    boxes = _boxes(model, _chains(model, shown))
    hidden = len(model.main.ops) - len(shown)
    if len(boxes) > MOST_BOXES:
        return "", f"{len(model.main.ops):,} ops: too many to draw; the table of ops counts them."
    return _svg(boxes), f"{hidden} ops that work out sizes and first states are left out."


def _carrying(model: Model) -> list[Op]:
    """The ops that carry data from inputs to outputs, in order; not those of sizes alone."""
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


def _chains(model: Model, ops: Sequence[Op]) -> list[list[Op]]:
    """Runs of ops of which each feeds only the next; a recurrence stands alone."""
    users: dict[Tensor, list[Op]] = {}
    for op in ops:
        for tensor in dict.fromkeys(t for t in op.inputs if t is not None):
            users.setdefault(tensor, []).append(op)
    outputs = set(model.main.outputs)
    chains: dict[Op, list[Op]] = {}
    for op in ops:
        made = {t: o for o in chains for t in o.outputs}
        feeding = list(dict.fromkeys(made[t] for t in op.inputs if t is not None and t in made))
        one = feeding[0] if len(feeding) == 1 else None
        alone = one is not None and all(
            users.get(t, [op]) == [op] and t not in outputs for t in one.outputs
        )
        joins = one is not None and alone and not recurrent(op) and not recurrent(one)
        chain = chains[one] if one is not None and joins else []
        chain.append(op)
        chains[op] = chain
    return list({id(chain): chain for chain in chains.values()}.values())


def recurrent(op: Op) -> bool:
    """Whether an op runs over time."""
    return op.code == "WHILE" or "_SEQUENCE_" in op.code


def _boxes(model: Model, chains: Iterable[Sequence[Op]]) -> list[Box]:
    names = _names(model)
    made: dict[Tensor, Box] = {}
    boxes = []
    for tensor in model.main.inputs:
        made[tensor] = Box(names.get(tensor, tensor.name), shape(tensor), "io")
        boxes.append(made[tensor])
    for chain in chains:
        box = _box(chain)
        fed = [made[t] for op in chain for t in op.inputs if t in made and made[t] is not box]
        box.before = list(dict.fromkeys(fed))
        made.update((t, box) for op in chain for t in op.outputs)
        boxes.append(box)
    for tensor in model.main.outputs:
        before = [made[tensor]] if tensor in made else []
        boxes.append(Box(names.get(tensor, tensor.name), shape(tensor), "io", before))
    return boxes


def _names(model: Model) -> dict[Tensor, str]:
    """What the callers call the inputs and outputs."""
    sides = (side for s in model.signatures[:1] for side in (s.inputs, s.outputs))
    return {tensor: name for side in sides for name, tensor in side.items()}


def _box(chain: Sequence[Op]) -> Box:
    first, last = chain[0], chain[-1]
    under = shape(last.outputs[0]) if last.outputs else ""
    if first.code == "WHILE":
        return Box("WHILE", f"a loop of {_inside(first)} ops", "recurrent")
    if len(chain) == 1:
        return Box(first.code, under, "recurrent" if recurrent(first) else "op")
    if len(chain) == 2:
        return Box(f"{first.code} → {last.code}", under)
    return Box(f"{first.code} → … → {last.code}", f"{len(chain)} ops, {under}")


def _inside(loop: Op) -> int:
    body = loop.options.get("body_subgraph")
    return len(body.ops) if body is not None else 0


def _svg(boxes: Sequence[Box]) -> str:
    rows = _rows(boxes)
    width = max(_span(row) for row in rows)
    for number, row in enumerate(rows):
        left = (width - _span(row)) / 2
        for box in row:
            box.place = (left, number)
            left += box.width + _GAP
    height = len(rows) * _ROW - (_ROW - _HEIGHT)
    lines = "".join(_line(b, box) for box in boxes for b in box.before)
    drawn = "".join(_drawn(box) for box in boxes)
    return (
        f'<svg class="graph" style="max-width:{width + 2:.0f}px" role="img" '
        f'aria-label="graph of ops" viewBox="-1 -1 {width + 2:.0f} {height + 2}">{lines}{drawn}'
        "</svg>"
    )


def _rows(boxes: Sequence[Box]) -> list[list[Box]]:
    """Each box below all that feed it, in the order of what feeds it."""
    depth: dict[Box, int] = {}
    for box in boxes:  # a box stands after all that feed it
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
    x1, y1 = _middle(start), start.place[1] * _ROW + _HEIGHT
    x2, y2 = _middle(end), end.place[1] * _ROW
    bend = (_ROW - _HEIGHT) * 0.7
    return (
        f'<path class="edge" d="M{x1:.1f} {y1}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} '
        f'{y2 - bend:.1f} {x2:.1f} {y2}"/>'
    )


def _middle(box: Box) -> float:
    return box.place[0] + box.width / 2


def _drawn(box: Box) -> str:
    x, y, middle = box.place[0], box.place[1] * _ROW, _middle(box)
    return (
        f'<rect class="box {box.kind}" x="{x:.1f}" y="{y}" width="{box.width:.1f}" '
        f'height="{_HEIGHT}" rx="5"/><text class="code" x="{middle:.1f}" y="{y + 17}">'
        f'{escape(box.title)}</text><text class="code soft" x="{middle:.1f}" y="{y + 31}">'
        f"{escape(box.under)}</text>"
    )


def graphs(source: Model, model: Model) -> str:
    """Both main graphs, side by side where there is room."""
    parts = []
    for title, each in (("As imported", source), ("Converted", model)):
        drawing, note = draw(each)
        parts.append(f"<figure><figcaption>{title}</figcaption>{drawing}<p>{note}</p></figure>")
    return section("The graph, before and after", f'<div class="pair">{"".join(parts)}</div>')
