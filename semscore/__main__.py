"""`python -m semscore`: the command."""

import sys

from semscore.jobs.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
