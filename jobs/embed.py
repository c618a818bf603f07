"""The embedding job, which reads parquet and writes it with a vector for each text.

    spark-submit jobs/embed.py INPUT... OUTPUT --text title,body [options]

It is the scoring job with other options, which add other columns: see score.py.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from semscore.jobs.cli.start import main

    sys.exit(main(["embed", *sys.argv[1:]]))
