"""The modules that have no twin test yet, by the test file that covers them now.

A module rnnlite_pipeline/ROOM/NAME.py has its twin at tests/ROOM/test_NAME.py. The list below only
gets shorter: tests/test_rooms.py fails where a module is neither here nor has a twin, and where a
module that is here has one.
"""

from __future__ import annotations

#: Modules that need no test of their own, and why.
GLUE = {
    "algebra/algebra": "a protocol: types alone",
    "config/headers/interface": "dataclasses and an exception: types alone",
}

#: By the test file that runs them, under tests/.
_COVERED_BY = """
config/headers/test_h5.py
    config/headers/h5_config
"""


def covered_by() -> dict[str, str]:
    """The test file of each module that has no twin."""
    found: dict[str, str] = {}
    test = ""
    for line in _COVERED_BY.strip().splitlines():
        if line.startswith(" "):
            assert not found.keys() & set(line.split()), "a module is in the list twice"
            found |= dict.fromkeys(line.split(), test)
        else:
            test = line
    return found
