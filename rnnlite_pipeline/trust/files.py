"""A bundle and the files beside it, read without trusting them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rnnlite_pipeline.errors import CallError, StageError
from rnnlite_pipeline.files import BROKEN_ZIP, FIRST_MOMENT

#: The largest member of a bundle and all together, in bytes.
LARGEST, LARGEST_BUNDLE = 2**31, 2**33

#: The largest file beside a bundle, in bytes.
_LARGEST_BESIDE = 2**24

#: The files beside NAME.zip: what follows NAME, and whether it must be there.
BESIDE = {
    ".zip.sha256": True,
    ".provenance.json": True,
    ".test-result.json": True,
    ".cdx.json": False,
}

#: What follows NAME of the signature.
SIGNATURE = ".sig"


@dataclass(frozen=True)
class Bundle:
    """A bundle.

    Attributes:
        path: The zip.
        members: Its files by name.
        moment: The time that its first member carries.
        beside: The files beside it that exist, by name.
    """

    path: Path
    members: dict[str, bytes]
    moment: tuple[int, int, int, int, int, int]
    beside: dict[str, bytes]

    @property
    def signature(self) -> Path:
        """Where its signature is."""
        return self.path.with_name(self.path.stem + SIGNATURE)


def read_bundle(path: Path) -> Bundle:
    """Reads a bundle whole.

    Raises:
        CallError: There is no such zip.
        StageError: It is damaged, too large, or holds names that lead out of a folder.
    """
    if not path.is_file() or path.suffix != ".zip":
        raise CallError(f"{path}: expected a release, NAME-VERSION.zip.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_names(path, [entry.filename for entry in entries])
            if any(e.file_size > LARGEST for e in entries) or (
                sum(e.file_size for e in entries) > LARGEST_BUNDLE
            ):
                raise StageError(f"{path} declares more content than a release may have.")
            if any(e.compress_type != zipfile.ZIP_STORED for e in entries):
                raise StageError(f"{path} is compressed; rnnlite writes releases that are not.")
            members = {entry.filename: archive.read(entry) for entry in entries}
            moment = entries[0].date_time if entries else FIRST_MOMENT
    except (*BROKEN_ZIP, ValueError) as error:
        raise StageError(f"{path} is damaged: {error}.") from None
    beside = {}
    for ending, needed in BESIDE.items():
        file = path.with_name(path.stem + ending)
        if file.is_file():
            if file.stat().st_size > _LARGEST_BESIDE:
                raise StageError(f"{file} is larger than what rnnlite writes beside a release.")
            beside[file.name] = file.read_bytes()
        elif needed:
            raise StageError(
                f"There is no {file.name} beside {path}.", "Download it with the bundle."
            )
    return Bundle(path, members, moment, beside)


def _check_names(path: Path, names: list[str]) -> None:
    for name in names:
        pure = PurePosixPath(name)
        plain = pure.as_posix() == name and "\\" not in name and name.isprintable()
        if not plain or pure.is_absolute() or ".." in pure.parts:
            raise StageError(f"{path} holds the name {name!r}, which no release contains.")
    if len(set(names)) != len(names):
        raise StageError(f"{path} holds a name twice.")
