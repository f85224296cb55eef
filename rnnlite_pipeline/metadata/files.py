"""Label and vocabulary files: read once, checked, and packed under their last name."""

from __future__ import annotations

from pathlib import PurePath

from rnnlite_pipeline.config import Config, associated_files
from rnnlite_pipeline.config.document import Loc

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
        return None if content is None else _lines(content.decode())

    def _add(self, config: Config, loc: Loc, named: str) -> None:
        path, name = config.resolve(named), packed_name(named)
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            text = content.decode()
        except OSError as error:
            self.wrong.append((loc, f"cannot be read: {error.strerror}: {path}"))
            return
        except UnicodeDecodeError:
            self.wrong.append((loc, f"expected text in UTF-8: {path}"))
            return
        if len(content) > LARGEST:
            self.wrong.append((loc, f"larger than {LARGEST:,} bytes: {path}"))
        elif not _lines(text):
            self.wrong.append((loc, f"the file is empty; expected one name a line: {path}"))
        elif self.content.setdefault(name, content) != content:
            self.wrong.append((loc, f"two different files would be packed as {name}; rename one"))


def packed_name(named: str) -> str:
    """The name a file has inside the model: its last part, wherever it came from."""
    return PurePath(named).name


def _lines(text: str) -> list[str]:
    """The lines; the line break at the end of the file begins no further one."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
