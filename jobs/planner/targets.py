"""Types of hosts as what a run has to compute with, and how fast that is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semscore.jobs.history.achieved import Calibration
from semscore.jobs.hosts.capability import BFLOAT16, check_precision
from semscore.jobs.hosts.executors import TASK_ROWS
from semscore.jobs.hosts.instances import Gpu, Host, find_host, known_gpu
from semscore.jobs.hosts.sizing import gpu_task_rows, size
from semscore.jobs.planner.estimate import Estimate
from semscore.jobs.planner.predict import ON_GPU, Prediction, Target
from semscore.jobs.planner.speed import Speed
from semscore.udfs.errors import UserError
from semscore.udfs.recipe import Engine, Precision

GPU_SHARE = Estimate(0.10, 0.25, 0.50)  # of its peak: what others report of encoders, docs/plan.md
MEASURED = Estimate(0.75, 0.97, 1.1)  # of what this machine did without Spark
CALIBRATED = Estimate(0.75, 1.0, 1.3)  # of what runs did with other data: results/planning.md
OTHER_CORES = Estimate(0.4, 0.8, 1.3)  # of a core here; a vCPU is often half of one
HALF_SPEED = 0.5  # float32 for bfloat16, on CPUs that have both
JOB_START_S = Estimate(240, 360, 600)  # of a SageMaker job, its instances and image: not measured
LOCAL_START_S = Estimate(6, 9, 20)  # Java, Spark, models: benchmarks/results/coldstart.md


def this_machine(
    host: Host, speed: Speed, calibrations: Sequence[Calibration], workers_per_gpu: int
) -> Target:
    """The machine that measured itself."""
    on_gpu = speed.device.startswith("gpu")
    devices = host.gpus if on_gpu else speed.workers
    slots = devices * workers_per_gpu if on_gpu else speed.workers
    same = [
        one
        for one in calibrations
        if (one.hardware, one.backend, one.precision)
        == (speed.hardware, speed.backend, speed.precision)
    ]
    each = speed.flop_per_s * speed.workers / devices
    rate, basis = MEASURED.times(each), f"measured here: {speed.hardware}"
    if same:
        rate, basis = _calibrated(same)
    return Target(
        name="this machine",
        count=1,
        devices=devices,
        on_gpu=on_gpu,
        workers_per_device=workers_per_gpu if on_gpu else 1,
        slots=slots,
        cores=host.cpus,
        task_rows=gpu_task_rows(1 / workers_per_gpu) if on_gpu else TASK_ROWS,
        backend=speed.backend,
        precision=speed.precision,
        flop_per_s=rate,
        whole_run=bool(same),
        basis=basis,
        same_cpu=True,
        start_s=LOCAL_START_S,
    )


def hosts_of(
    name: str,
    count: int,
    asked: Precision,
    speed: Speed,
    calibrations: Sequence[Calibration],
    engine: Engine,
) -> Target:
    """So many hosts of a type, as a SageMaker job.

    Raises UserError, with the reason, for a type that such a run cannot have, or whose speed
    cannot be told.
    """
    host, workers_per_gpu = find_host(name), engine.workers_per_gpu
    if engine.device == "gpu" and not host.gpus:
        raise UserError("it has no GPUs, and --device gpu is asked for")
    if engine.device == "cpu" and host.gpus:
        raise UserError(f"its {host.gpus} GPUs would be idle with --device cpu")
    if host.gpu:
        check_precision(host.gpu, asked)
        precision = _best_half(host.gpu) if asked == "auto" else asked
        rate, basis, calibrated = _gpu_rate(host.gpu, precision, calibrations)
    else:
        precision, rate, basis = _cpu_rate(host, asked, speed)
        calibrated = False
    sizing = size(host, count, workers_per_gpu, "sagemaker")
    on_gpu = host.gpus > 0
    return Target(
        name=name,
        count=count,
        devices=count * host.gpus if on_gpu else sizing.slots,
        on_gpu=on_gpu,
        workers_per_device=workers_per_gpu if on_gpu else 1,
        slots=sizing.slots,
        cores=sizing.count * sizing.cores,
        task_rows=gpu_task_rows(1 / workers_per_gpu) if on_gpu else TASK_ROWS,
        backend="torch" if on_gpu else speed.backend,
        precision=precision,
        flop_per_s=rate,
        whole_run=calibrated,
        basis=basis,
        same_cpu=False,
        start_s=JOB_START_S,
    )


def balanced(target: Target, found: Prediction) -> Target:
    """The same GPUs, each shared by as many workers as keep it busy; more than asked for, if so.

    What decides is how many seconds of CPUs one second of a GPU needs.
    """
    if not target.on_gpu:
        return target
    device_s = found.steps_s[ON_GPU] * target.devices
    cpu_s = sum(s for step, s in found.steps_s.items() if step != ON_GPU) * target.cores
    need = cpu_s / max(device_s, 1e-9)
    workers = max(1 if need < 0.5 else 2 if need < 1.5 else 4, target.workers_per_device)
    while workers > target.workers_per_device:
        try:
            sizing = size(find_host(target.name), target.count, workers, "sagemaker")
        except UserError:  # too few cores, or too little memory
            workers -= 1
            continue
        return replace(
            target,
            workers_per_device=workers,
            slots=sizing.slots,
            cores=sizing.count * sizing.cores,
            task_rows=gpu_task_rows(1 / workers),
        )
    return target


def _best_half(gpu: Gpu) -> Precision:
    """What --precision auto most probably settles on."""
    return "bfloat16" if gpu.capability >= BFLOAT16 else "float16"


def _gpu_rate(
    gpu: Gpu, precision: Precision, calibrations: Sequence[Calibration]
) -> tuple[Estimate, str, bool]:
    """Operations a second of one GPU, where that is from, and whether by calibration."""
    same = [
        one
        for one in calibrations
        if (known := known_gpu(one.hardware))
        and (known.name, one.backend, one.precision) == (gpu.name, "torch", precision)
    ]
    if same:
        return *_calibrated(same), True
    peak = gpu.float32 if precision == "float32" else gpu.half
    told = f"not calibrated: {GPU_SHARE.low:.0%} to {GPU_SHARE.high:.0%} of {gpu.name}'s peak"
    return GPU_SHARE.times(peak), f"{told}, {peak / 1e12:,.0f} TFLOP/s in {precision}", False


def _cpu_rate(host: Host, asked: Precision, speed: Speed) -> tuple[Precision, Estimate, str]:
    """Operations a second of one core, by those of this machine."""
    if speed.device != "cpu":
        raise UserError("no CPU was measured here; plan for it with --device cpu")
    told = f"not calibrated: by a core of this machine ({speed.hardware})"
    if speed.precision != "bfloat16" or host.bfloat16:
        return speed.precision, OTHER_CORES.times(speed.flop_per_s), told
    if asked == "bfloat16":
        raise UserError("its CPUs do not compute in bfloat16; take --precision auto or float32")
    rate = OTHER_CORES.times(speed.flop_per_s * HALF_SPEED)
    return "float32", rate, f"{told}, at half its speed, for it lacks bfloat16"


def _calibrated(same: Sequence[Calibration]) -> tuple[Estimate, str]:
    """What runs on the same hardware achieved, all of them together."""
    rates = [one.flop_per_s for one in same]
    mean = sum(one.flop for one in same) / sum(one.wall_s * one.devices for one in same)
    rate = Estimate(min(rates) * CALIBRATED.low, mean, max(rates) * CALIBRATED.high)
    rows = sum(one.rows for one in same)
    return rate, f"calibrated by {rows:,} rows on {same[0].hardware}"
