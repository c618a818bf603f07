"""Run the command with `python -m semscore`."""

import sys

from semscore.jobs.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
