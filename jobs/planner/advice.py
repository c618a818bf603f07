"""What to set, and the commands to run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from semscore.jobs.history.achieved import Calibration
from semscore.jobs.options.arguments import option_words
from semscore.jobs.options.settings import Settings
from semscore.jobs.planner.duplicates import SampledRows
from semscore.jobs.planner.input_facts import LARGE, InputFacts
from semscore.jobs.planner.plan_options import Ask
from semscore.jobs.planner.predict import PATH, TOKENISING, Prediction
from semscore.udfs.stores.registry import is_remote

ROLE = "arn:aws:iam::000000000000:role/ROLE"  # has the form that `semscore launch` wants
IMAGE = "ACCOUNT.dkr.ecr.REGION.amazonaws.com/semscore:TAG"
INPUT, OUTPUT = "s3://BUCKET/pairs", "s3://BUCKET/scored"
MUCH_TRUNCATED = 0.1  # of the pairs
FAR_APART = 0.8  # of the texts that windows embed, if that is all there are in the sample
BUSY = 0.5  # processes of others that want a CPU, for each CPU: a plan's own then get little
LITTLE_ROOM = 0.5  # of a plan's slots with work


def score_command(settings: Settings) -> str:
    """What scores the dataset on this machine."""
    return shlex.join(
        ["semscore", "score", *settings.inputs, settings.output, *option_words(settings)]
    )


def launch_command(settings: Settings, ask: Ask, chosen: Prediction) -> str:
    """What scores it as a SageMaker job on the hosts chosen; what is not known is in capitals."""
    engine = replace(settings.engine, workers_per_gpu=chosen.workers_per_device)
    there = replace(settings, engine=engine) if chosen.on_gpu else settings
    inputs = [place if is_remote(place) else INPUT for place in settings.inputs]
    options = {
        "role": ask.role or ROLE,
        "image-uri": ask.image_uri or IMAGE,
        "instance-type": chosen.name,
        "instances": str(chosen.count),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return shlex.join(
        ["semscore", "launch", *dict.fromkeys(inputs), OUTPUT, *option_words(there), *words]
    )


def about_data(
    facts: InputFacts, sampled: SampledRows, truncated: float, in_window: float
) -> list[str]:
    """Remarks on files and texts; shares of pairs `truncated`, of texts embedded `in_window`s."""
    said = []
    if facts.bad:
        said.append(
            f"{len(facts.bad)} files cannot be read, such as {facts.bad[0]['path']}: "
            f"{facts.bad[0]['reason']}; --bad-files skip leaves them out"
        )
    for what, (name, times) in (
        ("partition", facts.largest_partition),
        ("file", facts.largest_file),
    ):
        if times >= LARGE:
            said.append(
                f"the largest {what}, {name}, is {times:.0f} times the mean; "
                "large files are scored in parallel, so this costs little"
            )
    if truncated >= MUCH_TRUNCATED:
        said.append(
            f"{truncated:.0%} of the pairs have a text that is longer than the model reads; "
            "--max-seq-length reads more of it, if the model has the positions, and takes longer"
        )
    here = len(sampled.texts) / max(2 * sampled.rows, 1)
    if here < FAR_APART * in_window:
        said.append(
            f"repeats lie far apart: windows embed {in_window:.0%} of the texts, and {here:.0%} "
            "are distinct in the sample; a dataset sorted by a text column would take less time"
        )
    return said


def about_load(load: float, cpus: int) -> list[str]:
    """What else this machine does; `load`: processes that wanted a CPU in the last minute."""
    if load <= BUSY * cpus:
        return []
    return [
        f"other programs keep this machine busy (load {load:.1f} on {cpus} CPUs), so what was "
        "measured here is too slow, and so is what follows from it"
    ]


def about_hosts(found: Sequence[Prediction], lanes: int) -> list[str]:
    """Remarks on how the work fits the hosts."""
    said = []
    for one in found:
        if one.count > one.units:
            said.append(
                f"{one.name}: {one.count} instances for {one.units} units of work; fewer "
                "instances may cost less and take no longer"
            )
        elif one.tasks < LITTLE_ROOM * one.slots:
            said.append(
                f"{one.name}: {one.tasks} tasks for {one.slots} slots; smaller hosts may do"
            )
        if one.on_gpu and one.limit in (TOKENISING, PATH):
            said.append(
                f"{one.name}: its GPUs would wait for its CPUs; a size with more CPUs for each "
                "GPU, or a smaller GPU, may cost less"
            )
        elif one.on_gpu and one.workers_per_device > 1:
            said.append(
                f"{one.name}: {one.workers_per_device} workers share a GPU, so that it does not "
                "wait for tokenising"
            )
    if lanes > 1:
        said.append(
            "files have too few row groups to be split among tasks, so neighbouring rows are dealt "
            "out to different tasks and fewer repeats are found; more row groups help"
        )
    return said


def about_calibrations(given: Sequence[Calibration], found: Sequence[Prediction]) -> list[str]:
    """What calibrations were for, if nothing here is like it."""
    if not given or any(one.calibrated for one in found):
        return []
    kinds = sorted({f"{one.hardware} ({one.backend}, {one.precision})" for one in given})
    wanted = sorted({f"{one.name} ({one.backend}, {one.precision})" for one in found})
    return [
        f"--past-run changes nothing: that run used {'; '.join(kinds)}, and this plan is for "
        f"{'; '.join(wanted)}"
    ]
