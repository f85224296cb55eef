"""Prints the attribute `model_config` of an HDF5 file: the program of a process of its own.

It is run as a file, so that nothing but h5py is imported. Nothing is printed for a file that holds
weights only. A damaged file ends it with the status `DAMAGED`.
"""

from __future__ import annotations

import sys

#: The exit status for a file that h5py cannot read, though the system can.
DAMAGED = 3


def model_config(path: str) -> str:
    """The JSON that Keras wrote; empty where the file holds weights only.

    Raises:
        OSError, KeyError, RuntimeError: The file is damaged.
    """
    import h5py

    with h5py.File(path, "r") as file:
        told = file.attrs.get("model_config", b"")
    return told.decode("utf-8") if isinstance(told, bytes) else str(told)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # it is text
    try:
        sys.stdout.write(model_config(sys.argv[1]))
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        sys.exit(1 if getattr(error, "errno", None) else DAMAGED)
