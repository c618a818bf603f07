"""A run in MLflow's tracking: its options, its figures, and its records as artifacts."""

from __future__ import annotations

import json
import logging
import os
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from semscore.jobs.ledger import ledger
from semscore.jobs.telemetry.table import Facts, values
from semscore.udfs.stores.folder import Folder

VARIABLE = "MLFLOW_TRACKING_URI"
FOLDER = "semscore"  # of the artifacts
ARTIFACTS = (ledger.RUN, ledger.MANIFEST, ledger.REPORT, ledger.PAGE)  # those that exist

log = logging.getLogger("semscore")


def track(output: Folder, facts: Facts) -> None:
    """Log a run to MLflow, if MLFLOW_TRACKING_URI says where to.

    Uses the active run of MLflow, or else makes one in its current experiment, which
    MLFLOW_EXPERIMENT_NAME can name. A failure is only logged, because the dataset does not depend
    on it.
    """
    if not os.environ.get(VARIABLE):
        return
    try:
        import mlflow
    except ModuleNotFoundError:
        log.warning(
            "%s is set, but nothing is logged there, because mlflow is not installed; pip install "
            "'semscore[mlflow]'",
            VARIABLE,
        )
        return
    try:
        record = json.loads(output.read(ledger.RUN) or b"{}")
        active = nullcontext() if mlflow.active_run() else None  # which stays active
        with active or mlflow.start_run(run_name=f"semscore {record['run']}"):
            mlflow.log_params(_params(output, record))
            mlflow.log_metrics(values(facts))
            mlflow.set_tag("semscore.state", facts["state"])
            with TemporaryDirectory() as copies:
                for path in ARTIFACTS:
                    if (content := output.read(path)) is not None:
                        copy = Path(copies, Path(path).name)
                        copy.write_bytes(content)
                        mlflow.log_artifact(str(copy), FOLDER)
    except Exception as error:  # of its stores, which use many libraries
        log.warning("the run could not be logged to MLflow (%s): %s", VARIABLE, error)


def _params(output: Folder, record: dict[str, Any]) -> dict[str, Any]:
    recipe = record["recipe"]
    return {
        "semscore.run": record["run"],
        "semscore.input": ", ".join(record["input"]),
        "semscore.output": output.name,
        "semscore.model": recipe["model"],
        "semscore.revision": recipe["revision"],
        "semscore.model_sha256": record["model_sha256"],
        "semscore.precision": recipe["precision"],
        "semscore.fingerprint": record["fingerprint"],
        "semscore.version": record["versions"]["semscore"],
    }
