"""Import a DAG and run its task, in Airflow's environment. Prints what happened as JSON."""

from __future__ import annotations

import json
import logging
import runpy
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from botocore.exceptions import ClientError

logging.disable(logging.CRITICAL)
MISSING = ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "Describe")
created: list[dict] = []


def task(number: int) -> dict:
    ti = SimpleNamespace(dag_id="semscore", run_id="scheduled__2026-01-01", try_number=number)
    return {"ti": ti, "ds": "2026-01-02"}


def describing(**job: str) -> MagicMock:
    return MagicMock(return_value=job)


def run(operator: object, number: int) -> str:
    """Start a try of the task, and return the name of the trigger for which it waits."""
    calls = [MISSING, {"ProcessingJobStatus": "InProgress"}]
    answer = {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def create(_: object, config: dict, **__: object) -> dict:
        created.append(json.loads(json.dumps(config)))
        return answer

    with (
        patch.object(SageMakerHook, "describe_processing_job", side_effect=calls),
        patch.object(SageMakerHook, "create_processing_job", create),
    ):
        try:
            operator.execute(task(number))
        except TaskDeferred as deferred:
            assert deferred.trigger.attempts * deferred.trigger.waiter_delay > 86_400
            return type(deferred.trigger).__name__
    raise AssertionError("the task did not wait")


def ended(operator: object, method: str, arguments: dict, **job: str) -> str:
    """How a try ends for which Airflow calls a method, after the job has ended in a way."""
    with patch.object(SageMakerHook, "describe_processing_job", describing(**job)):
        try:
            operator.resume_execution(method, arguments, task(1))
        except AirflowFailException:
            return "final"
        except Exception:
            return "again"
    return "done"


def main(file: str) -> None:
    names = runpy.run_path(file)
    dag = names["dag"]
    [operator] = dag.tasks
    words = operator.config["AppSpecification"]["ContainerArguments"]
    words[0] = "s3://input/{{ ds }}"
    operator.render_template_fields(task(1), jinja_env=dag.get_template_env())
    waits = [run(operator, number) for number in (1, 2)]
    event = {"event": {"status": "failed", "job_name": "j", "message": "no"}}
    good = {"event": {"status": "success", "job_name": "j", "message": "yes"}}
    failed = {"ProcessingJobStatus": "Failed"}
    early = {**failed, "ExitMessage": "the deadline is over (exit code 75)"}
    after = "execute_complete"
    sys.stdout.write(
        json.dumps(
            {
                "schedule": dag.schedule,
                "retries": operator.retries,
                "deferred_by": waits[0],
                "created": [each["ProcessingJobName"] for each in created],
                "arguments": created[0]["AppSpecification"]["ContainerArguments"],
                "after": {
                    "75": ended(operator, after, event, **early),
                    "2": ended(operator, after, event, **failed, ExitMessage="a (exit code 2)"),
                    "unknown": ended(operator, after, event, **failed),
                    "stopped": ended(
                        operator, after, event, **{**early, "ProcessingJobStatus": "Stopped"}
                    ),
                    "lost trigger, 75": ended(operator, "__fail__", {"error": "lost"}, **early),
                    "complete": ended(operator, after, good, ProcessingJobStatus="Completed"),
                },
            }
        )
    )


main(sys.argv[1])
