"""The `rnnlite` command with fake stages that are forks of a process that has imported them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rnnlite_pipeline.cli import main
from rnnlite_pipeline.tasks import warm

if __name__ == "__main__":
    warm.FIRST, warm.LIGHT, warm.TENSORFLOW = ("tests.fake.forked",), (), ()
    sys.exit(main(sys.argv[1:]))
