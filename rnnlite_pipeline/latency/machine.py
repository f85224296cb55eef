"""What the machine is that times were measured on; nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_CPUS = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """The processor as it calls itself, its architecture, how many there are, and the system."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "processors": os.cpu_count() or 1,
        "system": platform.system(),
    }


def _processor() -> str:
    """Linux tells it in /proc/cpuinfo, under a name for each architecture; empty if unknown."""
    told = _CPUS.read_text(encoding="utf-8", errors="replace") if _CPUS.is_file() else ""
    names = "model name|Model|Hardware|cpu"
    found = re.search(rf"^(?:{names})[ \t]*:[ \t]*(\S.*)$", told, re.MULTILINE)
    return found[1].strip() if found else platform.processor()
