"""A YAML file as plain values, each with its place in the file.

The reader is strict where YAML is loose: the 1.2 core schema (`1e-5` is a number, `no` is text,
`010` is ten), no tags, no merge keys, no duplicate keys, text keys only, and bounds on size,
depth and expanded aliases, so that no file can exhaust memory or the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.scanner import Scanner

from rnnlite_pipeline.config.scalars import scalar
from rnnlite_pipeline.config.text import excerpt, printable, read_text, split_lines
from rnnlite_pipeline.errors import ConfigError, Problem

#: The path of a value: keys of mappings and indexes of lists.
Loc = tuple[str | int, ...]
#: Line and column, counted from 1.
Place = tuple[int, int]

MAX_DEPTH = 32
MAX_VALUES = 10_000

#: What PyYAML says, and what it means to the reader of the file.
_SYNTAX = (
    ("found character '\\t'", "a tab; YAML is indented with spaces"),
    ("that cannot start any token", "text that starts with this character needs quotes"),
    ("mapping values are not allowed", "a `:` out of place: wrong indentation, or missing quotes"),
    ("could not find expected ':'", "a key without `:`"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("expected ',' or ']'", "a list `[` that is not closed, or lacks a `,`"),
    ("expected ',' or '}'", "a mapping `{` that is not closed, or lacks a `,`"),
    ("found unexpected end of stream", "the quotes are not closed"),
    ("found undefined alias", "an alias `*` of an anchor `&` that is not defined above"),
    (
        "found unknown escape character",
        "in double quotes a `\\` begins an escape; write `/` in paths",
    ),
    ("but found another document", "a second document (`---`); a file holds one"),
)


@dataclass(frozen=True)
class Document:
    """The values of one file, with their places.

    Attributes:
        path: The file, as the user named it.
        lines: Its text.
        value: Dicts with text keys, tuples, str, int, float, bool, None.
        keys: Where the key of each entry of a mapping starts.
        values: Where each value starts.
        problems: Where the file breaks the rules above.
        unread: The values that could not be read, because of one of the problems.
        incomplete: The mappings with a key that could not be read.
        variant: The variant whose values these are; empty where they are the base's.
        origins: The places in the file of the values that this variant replaces.
    """

    path: Path
    lines: tuple[str, ...]
    value: object
    keys: Mapping[Loc, Place] = field(default_factory=dict)
    values: Mapping[Loc, Place] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unread: frozenset[Loc] = frozenset()
    incomplete: frozenset[Loc] = frozenset()
    variant: str = ""
    origins: Mapping[Loc, Loc] = field(default_factory=dict)

    def problem(self, loc: Loc, message: str, *, at_key: bool = False) -> Problem:
        """A problem with the value at `loc`, or with its key.

        What is not in the file (a default, a missing key) is placed at the nearest entry around;
        a value that begins on a line of its own, at its key.
        """
        known = loc
        while known and known not in self.values:
            known = known[:-1]
        place = self.values.get(known, (1, 1))
        key = self.keys.get(known, place)
        line, column = key if at_key or known != loc or key[0] < place[0] else place
        label = dotted(self._in_file(loc))
        shown = excerpt(self.lines, line, column)
        return Problem(line, column, label, printable(message), shown)

    def _in_file(self, loc: Loc) -> Loc:
        """The way to a value as the file has it: of a variant's own, under `variants`."""
        for size in range(min(len(loc), 2), 0, -1):
            if (origin := self.origins.get(loc[:size])) is not None:
                return (*origin, *loc[size:])
        return loc


def dotted(loc: Loc) -> str:
    """The path of a value as a person writes it: `metadata.inputs[0].name`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in loc)
    return "".join(parts).removeprefix(".")


def read_document(path: Path) -> Document:
    """Reads a YAML file.

    Raises:
        CallError: There is no such file.
        ConfigError: It is not text, or not YAML; then nothing more can be said about it.
    """
    text = read_text(path)
    lines = split_lines(text)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise _Refused(1, 1, "the file is empty")
        return _Builder(path, lines, loader.tagged).document(node)
    except _Refused as refused:
        place, message = (refused.line, refused.column), refused.message
    except ReaderError as error:
        before = split_lines(text[: error.position])
        place = (len(before), len(before[-1]) + 1)
        code = ord(text[error.position])
        message = f"the character U+{code:04X} cannot stand in YAML"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = f"not YAML: {_in_plain_words(error)}"
    except (ValueError, OverflowError):
        place, message = (1, 1), "not YAML: an escape such as \\U names no character"
    raise ConfigError(path, [Problem(*place, "", message, excerpt(lines, *place))])


def _in_plain_words(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}".strip()
    return next((words for pattern, words in _SYNTAX if pattern in said), said)


class _Refused(Exception):
    """The file cannot be read any further."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


class _Loader(Reader, Scanner, Parser, Composer):
    """PyYAML's composer with a bound on depth, and without tags."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        self.depth = 0
        self.tagged: dict[int, str] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in the stubs
        if self.depth > MAX_DEPTH:
            line, column = _place(event)
            raise _Refused(line, column, f"nested more than {MAX_DEPTH} levels deep")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if node is not None and getattr(event, "tag", None) is not None:
            self.tagged[id(node)] = event.tag
        return node

    def resolve(self, *_: object) -> str:
        """No tags: `_Builder` reads plain scalars by their text."""
        return ""

    def descend_resolver(self, *_: object) -> None:
        """Part of PyYAML's interface; used there for tags by path."""

    def ascend_resolver(self) -> None:
        """Part of PyYAML's interface; used there for tags by path."""


def _place(marked: yaml.Node | yaml.Event) -> Place:
    mark: Any = marked.start_mark  # never None: the text is parsed with marks
    return mark.line + 1, mark.column + 1


class _Builder:
    """Turns nodes into values, and notes places and problems on the way."""

    def __init__(self, path: Path, lines: tuple[str, ...], tagged: Mapping[int, str]) -> None:
        self.path, self.lines, self.tagged = path, lines, tagged
        self.keys: dict[Loc, Place] = {}
        self.values: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self.unread: set[Loc] = set()
        self.incomplete: set[Loc] = set()

    def document(self, node: yaml.Node) -> Document:
        value = self.build(node, ())
        if value is None and not self.problems:
            raise _Refused(*_place(node), "the file is empty")
        return Document(
            self.path,
            self.lines,
            value,
            self.keys,
            self.values,
            tuple(self.problems),
            frozenset(self.unread),
            frozenset(self.incomplete),
        )

    def report(self, loc: Loc, node: yaml.Node, message: str) -> None:
        line, column = _place(node)
        shown = excerpt(self.lines, line, column)
        self.problems.append(Problem(line, column, dotted(loc), message, shown))

    def build(self, node: yaml.Node, loc: Loc) -> object:
        place = self.values[loc] = _place(node)
        if len(loc) > MAX_DEPTH:
            raise _Refused(*place, f"aliases nest more than {MAX_DEPTH} levels deep")
        if len(self.values) > MAX_VALUES:
            raise _Refused(*place, f"more than {MAX_VALUES} values, aliases expanded")
        if tag := self.tagged.get(id(node)):
            self.unread.add(loc)
            self.report(loc, node, f"the tag {_short(tag)} is refused; write the plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.build(item, (*loc, i)) for i, item in enumerate(node.value))
        try:
            return _scalar(node)
        except ValueError as error:
            self.unread.add(loc)
            self.report(loc, node, str(error))
            return None

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, object]:
        entries: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, loc)
            if key is None:
                self.incomplete.add(loc)
                continue
            if key in entries:
                first = self.keys[(*loc, key)][0]
                self.report((*loc, key), key_node, f"duplicate key; line {first} has it already")
                continue
            self.keys[(*loc, key)] = _place(key_node)
            entries[key] = self.build(value_node, (*loc, key))
        return entries

    def key(self, node: yaml.Node, loc: Loc) -> str | None:
        """The key, or None where it is refused."""
        if node.value == "<<" and _plain(node):
            self.report(loc, node, "merge keys (`<<`) are not YAML 1.2; write the keys out")
            return None
        if tag := self.tagged.get(id(node)):
            self.report(loc, node, f"the tag {_short(tag)} is refused")
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.report(loc, node, "a key is text, not a list or a mapping")
            return None
        try:
            key = _scalar(node)
        except ValueError as error:
            self.report(loc, node, str(error))
            return None
        if not isinstance(key, str):
            quoted = f'"{_short(node.value)}"'
            self.report(loc, node, f"a key is text; if this one is meant, write {quoted}")
            return None
        return key


def _plain(node: yaml.Node) -> bool:
    """Whether the scalar is written without quotes and not as a block."""
    return getattr(node, "style", None) is None


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    return scalar(node.value, plain=_plain(node))


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")[:60]
