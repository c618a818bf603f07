"""Remarks on a plan, and the commands to run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from semscore.jobs.failures.wording import counted
from semscore.jobs.history.achieved import Calibration
from semscore.jobs.hosts.instances import find_host
from semscore.jobs.options.arguments import option_words
from semscore.jobs.options.settings import Settings
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.input_facts import LARGE, InputFacts
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.planner.predict import PATH, TOKENISING, Prediction
from semscore.udfs.stores.s3 import is_s3

ROLE = "arn:aws:iam::000000000000:role/ROLE"  # in the form that `semscore launch` expects
IMAGE = "ACCOUNT.dkr.ecr.REGION.amazonaws.com/semscore:TAG"
INPUT, OUTPUT = "s3://BUCKET/pairs", "s3://BUCKET/scored"
MUCH_TRUNCATED = 0.1  # of the pairs
# Repeats lie far apart if the sample's distinct texts are fewer than this share of the texts that
# windows embed.
FAR_APART = 0.8
BUSY = 0.5  # processes of other programs per CPU; with more, the plan's own are slowed down
LITTLE_ROOM = 0.5  # least share of the slots that should have work


def score_command(settings: Settings) -> str:
    """Return the command that scores the dataset, or embeds it, on this machine."""
    command = "embed" if settings.embeds else "score"
    return shlex.join(
        ["semscore", command, *settings.inputs, settings.output, *option_words(settings)]
    )


def launch_command(settings: Settings, ask: Ask, chosen: Prediction) -> str:
    """Return the command that scores the dataset on the chosen hosts.

    It starts a SageMaker job, or a run on YARN if SageMaker does not offer such hosts. Unknown
    values are placeholders in capitals.
    """
    engine = replace(settings.engine, workers_per_gpu=chosen.workers_per_device)
    there = replace(settings, engine=engine) if chosen.on_gpu else settings
    inputs = [place if is_s3(place) else INPUT for place in settings.inputs]
    command = "embed" if settings.embeds else "score"
    options = {"master": "yarn", "host": chosen.name}
    if find_host(chosen.name).in_processing:
        command = "launch"
        options = {
            "role": ask.role or ROLE,
            "image-uri": ask.image_uri or IMAGE,
            "instance-type": chosen.name,
        }
    options["instances"] = str(chosen.count)
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return shlex.join(
        ["semscore", command, *dict.fromkeys(inputs), OUTPUT, *option_words(there), *words]
    )


def about_data(
    facts: InputFacts, sampled: SampledRows, truncated: float, in_window: float
) -> list[str]:
    """Return remarks on files and texts.

    `truncated`: share of the pairs with a truncated text. `in_window`: share of the texts, or of
    the pairs for a cross-encoder, that the model runs on.
    """
    remarks = []
    if facts.bad:
        remarks.append(
            f"{counted(len(facts.bad), 'file')} cannot be read, for example "
            f"{facts.bad[0]['path']}: {facts.bad[0]['reason']}; --bad-files skip leaves such "
            "files out"
        )
    for what, (name, times) in (
        ("partition", facts.largest_partition),
        ("file", facts.largest_file),
    ):
        if times >= LARGE:
            remarks.append(
                f"the largest {what}, {name}, is {times:.0f} times as large as the mean; large "
                "files are scored in parallel, so this costs little time"
            )
    if truncated >= MUCH_TRUNCATED:
        remarks.append(
            f"{truncated:.0%} of the pairs have a text that is longer than the model reads; a "
            "higher --max-seq-length reads more of it, if the model has enough positions, and "
            "takes longer"
        )
    what = "text" if sampled.per_row == 2 else "pair"
    distinct = len(sampled.items) / max(sampled.per_row * sampled.rows, 1)
    if distinct < FAR_APART * in_window:
        remarks.append(
            f"repeated {what}s are far apart: the model runs on {in_window:.0%} of the {what}s, "
            f"but only {distinct:.0%} of the sample's {what}s are distinct; if the dataset is "
            "sorted by a text column, scoring takes less time"
        )
    return remarks


def about_load(load: float, cpus: int) -> list[str]:
    """Return a remark if other programs use this machine's CPUs.

    `load`: the load average of the last minute, in processes.
    """
    if load <= BUSY * cpus:
        return []
    return [
        f"other programs are using this machine (load {load:.1f} on {counted(cpus, 'CPU')}), so "
        "the speed measured here is too low, and the predicted times based on it are too long"
    ]


def about_hosts(predictions: Sequence[Prediction], lanes: int) -> list[str]:
    """Return remarks on how well the work fits the hosts."""
    remarks = []
    for host in predictions:
        if host.count > host.units:
            remarks.append(
                f"{host.name}: {counted(host.count, 'instance')} for "
                f"{counted(host.units, 'unit')} of work; fewer instances may cost less and take "
                "no longer"
            )
        elif host.tasks < LITTLE_ROOM * host.slots:
            remarks.append(
                f"{host.name}: {counted(host.tasks, 'task')} for {counted(host.slots, 'slot')}; "
                "smaller hosts may be enough"
            )
        if host.on_gpu and host.limit in (TOKENISING, PATH):
            remarks.append(
                f"{host.name}: its GPUs would wait for its CPUs; a size with more CPUs per GPU, or "
                "a smaller GPU, may cost less"
            )
        elif host.on_gpu and host.workers_per_device > 1:
            remarks.append(
                f"{host.name}: {host.workers_per_device} workers share a GPU, so that it does not "
                "wait for tokenising"
            )
    if lanes > 1:
        remarks.append(
            "the files have too few row groups to be split among tasks, so neighbouring rows go to "
            "different tasks and fewer repeated texts are found; write files with more row groups"
        )
    return remarks


def about_calibrations(
    calibrations: Sequence[Calibration], predictions: Sequence[Prediction]
) -> list[str]:
    """Return a remark if the past runs match none of the planned hardware."""
    if not calibrations or any(planned.calibrated for planned in predictions):
        return []
    used = sorted({f"{run.hardware} ({run.backend}, {run.precision})" for run in calibrations})
    planned = sorted({f"{host.name} ({host.backend}, {host.precision})" for host in predictions})
    return [
        f"--past-run has no effect: that run used {'; '.join(used)}, but this plan is for "
        f"{'; '.join(planned)}"
    ]
