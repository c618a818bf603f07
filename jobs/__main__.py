"""The command's door: `semscore`, or `python -m semscore.jobs`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; says what to install where Spark, which all else needs, is missing."""
    try:
        from semscore.jobs.cli import main as command
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyspark":
            raise
        sys.stderr.write(
            "semscore: Spark is not installed in this Python: pip install 'semscore[local]', "
            "or run jobs/score.py through spark-submit\n"
        )
        return 2
    return command()


if __name__ == "__main__":
    sys.exit(main())
