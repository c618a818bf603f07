"""Hardware of this machine and of other hosts, with estimates of its speed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semscore.jobs.failures.wording import counted
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

GPU_SHARE = Estimate(
    0.10, 0.25, 0.50
)  # of a GPU's peak, as others report for encoders: docs/plan.md
MEASURED = Estimate(0.75, 0.97, 1.1)  # of this machine's speed without Spark
CALIBRATED = Estimate(
    0.75, 1.0, 1.3
)  # of past runs with other data: benchmarks/results/planning.md
OTHER_CORES = Estimate(0.4, 0.8, 1.3)  # of a core on this machine; a vCPU is often half a core
HALF_SPEED = 0.5  # of float32 compared with bfloat16, on CPUs that have both
JOB_START_S = Estimate(
    240, 360, 600
)  # of a SageMaker job with its instances and image; not measured
LOCAL_START_S = Estimate(6, 9, 20)  # Java, Spark, models: benchmarks/results/coldstart.md


def this_machine(
    host: Host, speed: Speed, calibrations: Sequence[Calibration], workers_per_gpu: int
) -> Target:
    """Return this machine as a target. Past runs on the same hardware replace its measurement."""
    on_gpu = speed.device.startswith("gpu")
    devices = host.gpus if on_gpu else speed.workers
    slots = devices * workers_per_gpu if on_gpu else speed.workers
    same = [
        run
        for run in calibrations
        if (run.hardware, run.backend, run.precision)
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
    """Return `count` hosts of a type in a SageMaker job as a target.

    Raises UserError, with the reason, for a type that cannot serve the run, or whose speed cannot
    be estimated.
    """
    host, workers_per_gpu = find_host(name), engine.workers_per_gpu
    if engine.device == "gpu" and not host.gpus:
        raise UserError("it has no GPUs, but --device gpu needs them")
    if engine.device == "cpu" and host.gpus:
        raise UserError(f"its {counted(host.gpus, 'GPU')} would be idle with --device cpu")
    on_gpu = host.gpus > 0
    backend = speed.backend
    if on_gpu:  # where `flat` runs most models
        backend = "torch" if engine.backend == "torch" else "flat"
    if host.gpu:
        check_precision(host.gpu, asked)
        precision = _best_half(host.gpu) if asked == "auto" else asked
        rate, basis, calibrated = _gpu_rate(host.gpu, backend, precision, calibrations)
    else:
        precision, rate, basis = _cpu_rate(host, asked, speed)
        calibrated = False
    sizing = size(host, count, workers_per_gpu, "sagemaker")
    return Target(
        name=name,
        count=count,
        devices=count * host.gpus if on_gpu else sizing.slots,
        on_gpu=on_gpu,
        workers_per_device=workers_per_gpu if on_gpu else 1,
        slots=sizing.slots,
        cores=sizing.count * sizing.cores,
        task_rows=gpu_task_rows(1 / workers_per_gpu) if on_gpu else TASK_ROWS,
        backend=backend,
        precision=precision,
        flop_per_s=rate,
        whole_run=calibrated,
        basis=basis,
        same_cpu=False,
        start_s=JOB_START_S,
    )


def balanced(target: Target, found: Prediction) -> Target:
    """Return the target with enough workers per GPU to keep the GPUs busy.

    The number depends on how many CPU seconds one GPU second needs, and is at least the number that
    the target has. Targets without GPUs are returned unchanged.
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
    """Return the precision that --precision auto most probably chooses."""
    return "bfloat16" if gpu.capability >= BFLOAT16 else "float16"


def _gpu_rate(
    gpu: Gpu, backend: str, precision: Precision, calibrations: Sequence[Calibration]
) -> tuple[Estimate, str, bool]:
    """Return the operations per second of one GPU, their basis, and whether past runs set them."""
    same = [
        run
        for run in calibrations
        if (known := known_gpu(run.hardware))
        and (known.name, run.backend, run.precision) == (gpu.name, backend, precision)
    ]
    if same:
        return *_calibrated(same), True
    peak = gpu.float32 if precision == "float32" else gpu.half
    basis = f"assumed: {GPU_SHARE.low:.0%} to {GPU_SHARE.high:.0%} of {gpu.name}'s peak"
    return GPU_SHARE.times(peak), f"{basis}, {peak / 1e12:,.0f} TFLOP/s in {precision}", False


def _cpu_rate(host: Host, asked: Precision, speed: Speed) -> tuple[Precision, Estimate, str]:
    """Return the precision, the operations per second of one core, and their basis.

    The speed is derived from a core of this machine.
    """
    if speed.device != "cpu":
        raise UserError("no CPU was measured here; plan for it with --device cpu")
    basis = f"estimated from a core of this machine ({speed.hardware})"
    if speed.precision != "bfloat16" or host.bfloat16:
        return speed.precision, OTHER_CORES.times(speed.flop_per_s), basis
    if asked == "bfloat16":
        raise UserError("its CPUs do not compute in bfloat16; use --precision auto or float32")
    rate = OTHER_CORES.times(speed.flop_per_s * HALF_SPEED)
    return "float32", rate, f"{basis}, at half its speed, because the host lacks bfloat16"


def _calibrated(same: Sequence[Calibration]) -> tuple[Estimate, str]:
    """Return the rate that past runs on the same hardware achieved together, and its basis."""
    rates = [run.flop_per_s for run in same]
    mean = sum(run.flop for run in same) / sum(run.wall_s * run.devices for run in same)
    rate = Estimate(min(rates) * CALIBRATED.low, mean, max(rates) * CALIBRATED.high)
    rows = sum(run.rows for run in same)
    return rate, f"achieved by past runs: {counted(rows, 'row')} on {same[0].hardware}"
