"""A zip that depends on nothing but the names and contents of its files."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Mapping

#: The first moment a zip can hold, and the last one, in UTC.
FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
LAST_MOMENT = (2107, 12, 31, 23, 59, 58)

#: A regular file that everyone reads and its owner writes.
_MODE = 0o100644


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Pack files so that equal contents give equal bytes, on any machine, by any user.

    The members are sorted, stored without compression (deflate differs between builds of zlib),
    and carry one time, 1980-01-01 or SOURCE_DATE_EPOCH, and one mode.

    Args:
        files: Contents by name, with `/` between folders.

    Returns:
        The archive.
    """
    moment = moment_of_release()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, moment)
            member.create_system = 3  # Unix, whatever this machine is
            member.external_attr = _MODE << 16
            archive.writestr(member, files[name])
    return buffer.getvalue()


def moment_of_release() -> tuple[int, int, int, int, int, int]:
    """The time every member carries.

    Source: SOURCE_DATE_EPOCH, seconds since 1970 in UTC, reproducible-builds.org, version 1.1.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isascii() or not epoch.isdecimal():
        return FIRST_MOMENT
    try:
        moment = time.gmtime(int(epoch))[:6]
    except (OverflowError, OSError, ValueError):
        return LAST_MOMENT
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)
