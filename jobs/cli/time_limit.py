"""The time limit of a job on SageMaker, from a plan with the speed of an earlier run."""

from __future__ import annotations

import logging
from dataclasses import replace
from math import ceil

from semscore.jobs.options.settings import Settings
from semscore.jobs.plan import plan
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.processing_job.launch_options import Launch

MARGIN = 1.5  # of the longest time that the plan predicts
HOUR = 3600
LONGEST = 777_600  # of a processing job

log = logging.getLogger("semscore")


def with_time_limit(job: Launch, settings: Settings) -> Launch:
    """Return the job with a time limit from a plan, if it names earlier runs and has no limit.

    Reads a sample of INPUT, and runs the model on this machine for some seconds. If no speed of the
    earlier runs is for the job's hardware, the job stays as it is.
    """
    if job.max_runtime is not None or not job.past_run:
        return job
    ask = Ask(instance_type=(job.instance_type,), instances=job.instances, past_run=job.past_run)
    planned = [found for found in plan(settings, ask).predictions if found.calibrated]
    if not planned:
        log.warning(
            "none of the runs in --past-run has a speed of %s, so --max-runtime is %.0f h",
            job.instance_type,
            job.time_limit / HOUR,
        )
        return job
    seconds = min(max(ceil(planned[0].total_s.high * MARGIN), HOUR), LONGEST)
    log.info("--max-runtime is %.1f h, %s times the plan's upper end", seconds / HOUR, MARGIN)
    return replace(job, max_runtime=seconds)
