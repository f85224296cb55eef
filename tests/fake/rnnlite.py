"""The `rnnlite` command with fake stages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rnnlite_pipeline.cli import main

if __name__ == "__main__":
    stages = Path(__file__).parent / "stages.py"
    sys.exit(main(sys.argv[1:], (sys.executable, str(stages))))
