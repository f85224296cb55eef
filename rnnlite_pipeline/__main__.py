"""`python -m rnnlite_pipeline`: the `rnnlite` command."""

import sys

from rnnlite_pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main())
