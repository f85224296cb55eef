"""Prints a digest for each file named, of its content and of the Python that runs this."""

import hashlib
import sys
from pathlib import Path

if not (3, 11) <= sys.version_info < (3, 14):
    version = sys.version.split()[0]
    sys.exit(f"rnnlite needs Python 3.11, 3.12 or 3.13, and this is {version}: PYTHON=python3.12")
for name in sys.argv[1:]:
    print(hashlib.sha256(Path(name).read_bytes() + sys.version.encode()).hexdigest()[:16])
