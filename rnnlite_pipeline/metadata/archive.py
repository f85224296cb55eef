"""A zip that depends on nothing but the names and contents of its files."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Mapping

#: A time of day as a zip keeps it.
Moment = tuple[int, int, int, int, int, int]

#: The first moment a zip can hold, and the last one, in UTC.
FIRST_MOMENT: Moment = (1980, 1, 1, 0, 0, 0)
LAST_MOMENT: Moment = (2107, 12, 31, 23, 59, 58)

#: A regular file that everyone reads and its owner writes.
_MODE = 0o100644


def zip_bytes(files: Mapping[str, bytes], moment: Moment = FIRST_MOMENT, after: int = 0) -> bytes:
    """Pack files so that equal contents give equal bytes, on any machine, by any user.

    The members are sorted, stored without compression (deflate differs between builds of zlib),
    and carry one time and one mode.

    Args:
        files: Contents by name, with `/` between folders.
        moment: The time every member carries.
        after: How many bytes will stand before the archive in its file. Its offsets count from
            the start of the file, as readers expect that know of nothing in front of a zip.

    Returns:
        The archive.
    """
    buffer = io.BytesIO()
    buffer.seek(after)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, moment)
            member.create_system = 3  # Unix, whatever this machine is
            member.external_attr = _MODE << 16
            archive.writestr(member, files[name])
    return buffer.getvalue()[after:]


def source_date_epoch() -> int | None:
    """SOURCE_DATE_EPOCH in seconds since 1970, UTC; None where it is not set to a number.

    Source: reproducible-builds.org, SOURCE_DATE_EPOCH, version 1.1.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(epoch) if epoch.isascii() and epoch.isdecimal() else None


def moment_of_release() -> Moment:
    """The time every member of a release carries: SOURCE_DATE_EPOCH, or else 1980-01-01."""
    epoch = source_date_epoch()
    if epoch is None:
        return FIRST_MOMENT
    try:
        moment = time.gmtime(epoch)[:6]
    except (OverflowError, OSError, ValueError):
        return LAST_MOMENT
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)
