"""`semscore launch`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from semscore.jobs.cli.log import set_log
from semscore.jobs.cli.shared_options import Place, Whole
from semscore.jobs.options.settings import GROUPS, Settings, Spark
from semscore.jobs.processing_job.launch_options import Launch


def launch(
    *places: Place,
    job: Launch,
    words: Whole = Whole(),
    conf: Annotated[
        tuple[str, ...], Parameter(negative="", consume_multiple=False, group=GROUPS["Spark"])
    ] = (),
    resume: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
    wait: Annotated[bool, Parameter(group=GROUPS["Run"])] = True,
    dry_run: Annotated[bool, Parameter(negative="", group=GROUPS["Run"])] = False,
) -> int:
    """Run `semscore score` as a SageMaker processing job, and follow it.

    Needs `pip install 'semscore[launch]'`, an image (container/build_and_push.sh) and a role
    (conf/iam/job.json). Exit codes are those of `semscore score`; with --no-wait, 0 says that the
    job was created.

    Parameters
    ----------
    places
        INPUT: a parquet file or folder on S3 (partition folders too), or several. OUTPUT: a folder
        on S3.
    conf
        Spark setting as key=value; wins over all that is derived. May be given many times.
    resume
        Go on with what an earlier job has left: --mode resume.
    wait
        Follow the job until it ends; Ctrl-C asks whether to stop it.
    dry_run
        Print the request and configuration.json, and end. Needs no AWS.
    """
    from semscore.jobs.cli.job_progress import launch_and_show, show_rehearsal

    slices = words.slices()
    if resume:
        slices["target"] = replace(words.target, mode="resume")
    settings = Settings(
        inputs=places[:-1],
        output=places[-1] if places else "",
        spark=Spark(conf=conf),
        **slices,
    )
    set_log(settings.run)
    if dry_run:
        show_rehearsal(job, settings)
    else:
        launch_and_show(Console(), job, settings, wait)
    return 0
