"""Print a run as an Airflow DAG."""

from __future__ import annotations

from string import Template

from semscore.jobs.processing_job.exports.exported_job import ExportedJob
from semscore.jobs.processing_job.exports.python_source import comment, literal

DAILY = "@daily"
INTERVAL_S = 60
START_S = 4 * 3600  # that a job may wait for instances, and need to start and to stop
DAG = Template('''\
# An Airflow DAG that runs a SageMaker processing job, and resumes it after exit code 75. Made by:
$command

import hashlib
import re
from datetime import datetime, timedelta

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

REQUEST = $request


class ScoringOperator(SageMakerProcessingOperator):
    """Runs the job. Only exit code 75 is worth another try. Any other failure is final."""

    def execute(self, context):
        self.config["ProcessingJobName"] = job_name(context["ti"])
        return super().execute(context)

    def resume_execution(self, next_method, next_kwargs, context):
        """Continue after the wait for the job, also if the wait itself failed."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except Exception as error:
            name = job_name(context["ti"])
            job = self.hook.describe_processing_job(name)
            if job["ProcessingJobStatus"] == "Failed" and exit_code(job) == 75:
                raise  # Airflow tries again, and the run is resumed
            reason = job.get("ExitMessage") or job.get("FailureReason") or error
            raise AirflowFailException(f"{name}: {reason}") from error


def job_name(task) -> str:
    """Return the job's name, another one for each try of each run."""
    run = hashlib.sha256(f"{task.dag_id} {task.run_id}".encode()).hexdigest()[:12]
    return f"$name-{run}-{task.try_number}"


def exit_code(job) -> int | None:
    """Return the run's exit code, which only SageMaker's messages have."""
    for field in ("ExitMessage", "FailureReason"):
        if codes := re.findall(r"exit code:? (\\d+)", job.get(field, "")):
            return int(codes[-1])
    return None


with DAG(
    dag_id=$dag_id,
    schedule=$schedule,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # two jobs cannot write to the same OUTPUT
) as dag:
    ScoringOperator(
        task_id="score",
        config=REQUEST,
        deferrable=True,
        region_name=$region,
        check_interval=$interval,
        max_attempts=$checks,
        action_if_job_exists="fail",
        retries=$retries,
        retry_delay=timedelta(minutes=1),
    )
''')


def airflow_dag(job: ExportedJob) -> str:
    """Return the DAG's file."""
    return DAG.substitute(
        command=comment(job.command),
        request=literal({"ProcessingJobName": job.name, **job.request}),
        name=job.name,
        dag_id=literal(job.name),
        schedule=literal(job.options.schedule or DAILY),
        region=literal(job.region),
        interval=INTERVAL_S,
        checks=(job.request["StoppingCondition"]["MaxRuntimeInSeconds"] + START_S) // INTERVAL_S,
        retries=job.options.max_rounds - 1,
    )
