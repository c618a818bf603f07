"""`semscore score`."""

from __future__ import annotations

from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Place, Whole
from semscore.jobs.hosts import inside_job as processing_job
from semscore.jobs.options.settings import Settings, Spark


def score(*places: Place, words: Whole = Whole(), spark: Spark = Spark()) -> int:
    """Embed two text columns of a parquet dataset, compare them, write all columns and the score.

    Exit codes: 0 complete; 1 internal error; 2 a mistake in options or input, nothing written;
    3 rows in and rows out differ; 4 too many rows that the model failed on; 5 output in use by
    another run; 6 finished, but some files are not scored (listed); 75 stopped early, to be
    resumed.

    Parameters
    ----------
    places
        INPUT: a parquet file or folder (partition folders too), or several. OUTPUT: a folder. In a
        SageMaker job, unset: where it has put its input, and takes its output from.
    """
    if not places and processing_job.is_inside():
        places = processing_job.PLACES
    processing_job.check_image(words.engine.device)
    settings = Settings(
        inputs=places[:-1], output=places[-1] if places else "", spark=spark, **words.slices()
    )
    set_log(settings.run)
    if spark.explain:
        from semscore.jobs.hosts.resources import resources_for, show
        from semscore.jobs.spark.session import DEFAULT_MASTER

        show(Console(), resources_for(settings, spark.master or DEFAULT_MASTER))
        return 0
    from semscore.jobs import score as job
    from semscore.jobs.cli.summary import print_summary

    result = job.score(settings)
    if not settings.run.quiet:
        print_summary(Console(), result)
    return 0
