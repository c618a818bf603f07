"""All export formats, by the value of --export."""

from __future__ import annotations

from collections.abc import Callable

from semscore.jobs.processing_job.exports.airflow_dag import airflow_dag
from semscore.jobs.processing_job.exports.boto3_script import boto3_script
from semscore.jobs.processing_job.exports.cloudformation import cloudformation
from semscore.jobs.processing_job.exports.eventbridge import eventbridge
from semscore.jobs.processing_job.exports.export_options import Format
from semscore.jobs.processing_job.exports.exported_job import ExportedJob
from semscore.jobs.processing_job.exports.pipelines import pipelines
from semscore.jobs.processing_job.exports.step_functions import step_functions

EXPORTS: dict[Format, Callable[[ExportedJob], str]] = {
    "airflow": airflow_dag,
    "boto3": boto3_script,
    "cloudformation": cloudformation,
    "eventbridge": eventbridge,
    "pipelines": pipelines,
    "stepfunctions": step_functions,
}
