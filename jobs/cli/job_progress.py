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
from semscore.jobs.processing_job.explanation import explain
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
        "CreateProcessingJob": rehearsed.request,
        "configuration.json": rehearsed.configuration,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def show_explanation(console: Console, job: Launch, settings: Settings) -> None:
    """Print what the job is, what it runs, what is uploaded where, and what it may cost at most."""
    for label, text in explain(job, settings, launch.rehearse(job, settings).request):
        console.print(f"{label:10}  {text}", soft_wrap=True, markup=False, highlight=False)


def launch_and_show(console: Console, job: Launch, settings: Settings, wait: bool) -> None:
    """Create the job; follow it to its summary if `wait`, through any Ctrl-C that does not stop it.

    Raises JobFailed for a job that does not complete.
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
    """What Ctrl-C is to mean: whether to stop following."""
    if not sys.stdin.isatty():
        log.info("job %s goes on", name)
        return True
    question = f"\nJob {name} runs. Leave it running, stop it, or go on following?"
    answer = Prompt.ask(question, choices=["leave", "stop", "follow"], default="leave")
    if answer == "stop":
        launch.stop(job, name, session)
    return answer == "leave"
