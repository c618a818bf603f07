"""`semscore launch` on the terminal."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.prompt import Prompt

from semscore.jobs import launch
from semscore.jobs.cli.summary import print_summary
from semscore.jobs.processing_job.explanation import explain, what_runs
from semscore.jobs.processing_job.exports.export_options import Export
from semscore.jobs.processing_job.launch_options import Launch
from semscore.jobs.processing_job.processor import make_session

if TYPE_CHECKING:
    from sagemaker.core.helper.session_helper import Session

    from semscore.jobs.options.settings import Settings

log = logging.getLogger("semscore")


def show_rehearsal(job: Launch, settings: Settings) -> None:
    """Print the request and configuration.json, as one JSON document."""
    rehearsed = launch.rehearse(job, settings)
    document = {
        "run": what_runs(job, settings, rehearsed.request),
        "CreateProcessingJob": rehearsed.request,
        "configuration.json": rehearsed.configuration,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def show_export(job: Launch, settings: Settings, options: Export, upload: bool) -> None:
    """Print the run in the form of another scheduler. Without `upload`, AWS is not used."""
    sys.stdout.write(launch.export(job, settings, options, upload))


def show_explanation(console: Console, job: Launch, settings: Settings) -> None:
    """Print a description of the job: what it runs, the uploads, and the maximum cost."""
    for label, text in explain(job, settings, launch.rehearse(job, settings).request):
        console.print(f"{label:10}  {text}", soft_wrap=True, markup=False, highlight=False)


def launch_and_show(console: Console, job: Launch, settings: Settings, wait: bool) -> None:
    """Create the job. If `wait`, follow it until it ends, and print its summary.

    Ctrl-C asks whether to leave the job, stop it, or continue to follow it. Raises JobFailed if the
    job does not complete.
    """
    if job.input_mode == "s3":
        launch.look_at_input(job, settings)
    session = make_session(job)
    name = launch.submit(job, settings, session)
    log.info("created job %s in %s", name, session.boto_region_name)
    while wait:
        try:
            result = launch.wait(job, settings, name, session)
        except KeyboardInterrupt:
            if not _asked_to_leave(job, name, session):
                continue
            return
        if not settings.run.quiet:
            print_summary(console, result)
        return


def _asked_to_leave(job: Launch, name: str, session: Session) -> bool:
    """Ask what Ctrl-C means, and return whether to leave the job running."""
    if not sys.stdin.isatty():
        log.info("job %s keeps running", name)
        return True
    question = f"\nJob {name} is running. Leave it running, stop it, or continue to follow it?"
    answer = Prompt.ask(question, choices=["leave", "stop", "follow"], default="leave")
    if answer == "stop":
        launch.stop(job, name, session)
    return answer == "leave"
