"""Label and vocabulary files: read once, checked, and packed under their last name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from rnnlite_pipeline.config.document import Loc
from rnnlite_pipeline.config.model import Config

#: The largest label or vocabulary file, in bytes.
LARGEST = 16 * 1024 * 1024


class AssociatedFiles:
    """The files that a config's `metadata:` names.

    Attributes:
        content: By the name they are packed under.
        wrong: What is wrong with them, each with the place of its key.
    """

    def __init__(self, config: Config) -> None:
        self.content: dict[str, bytes] = {}
        self.wrong: list[tuple[Loc, str]] = []
        for loc, named in associated_files(config):
            self._add(config, loc, named)

    def lines(self, named: str) -> list[str] | None:
        """The lines of a file, one a label or word; None where the file could not be read."""
        content = self.content.get(packed_name(named))
        return None if content is None else lines_of(content.decode())

    def _add(self, config: Config, loc: Loc, named: str) -> None:
        path, name = config.resolve(named), packed_name(named)
        if missing := list(wrong_file(loc, path)):
            self.wrong += missing
            return
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except OSError as error:
            self.wrong.append((loc, f"cannot be read: {error.strerror}: {path}"))
            return
        if len(content) > LARGEST:
            self.wrong.append((loc, f"larger than {LARGEST:,} bytes: {path}"))
            return
        try:
            text = content.decode()
        except UnicodeDecodeError:
            self.wrong.append((loc, f"expected text in UTF-8: {path}"))
            return
        if not lines_of(text):
            self.wrong.append((loc, f"the file is empty; expected one name a line: {path}"))
        elif self.content.setdefault(name, content) != content:
            self.wrong.append((loc, f"two different files would be packed as {name}; rename one"))


def packed_name(named: str) -> str:
    """The name a file has inside the model: the last part of its path."""
    return PurePath(named).name


def lines_of(text: str) -> list[str]:
    """The labels or words of a file, one for each line.

    Lines end with LF or CR LF. A line break at the end of the file begins no further line.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def associated_files(config: Config) -> Iterator[tuple[Loc, str]]:
    """The label and vocabulary files that `metadata:` names, with their places."""
    if config.metadata is None:
        return
    for i, source in enumerate(config.metadata.inputs):
        if source.vocabulary:
            yield ("metadata", "inputs", i, "vocabulary"), source.vocabulary
    for i, output in enumerate(config.metadata.outputs):
        if output.labels:
            yield ("metadata", "outputs", i, "labels"), output.labels


def wrong_file(loc: Loc, path: Path, *, folder: bool = False) -> Iterator[tuple[Loc, str]]:
    """A path that is not a file one can read; with `folder`, not a folder."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        yield loc, f"no such {'folder' if folder else 'file'}: {path}"
    except OSError as error:
        yield loc, f"cannot be read: {error.strerror}: {path}"
    else:
        if folder and not stat.S_ISDIR(mode):
            yield loc, f"expected a folder; {path} is a file"
        elif not folder and not stat.S_ISREG(mode):
            found = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            yield loc, f"expected a file; {path} is {found}"
        elif not os.access(path, os.R_OK):
            yield loc, f"cannot be read: its permissions do not allow it: {path}"
