"""Java for commands that read HDFS but start no Spark."""

from __future__ import annotations

from semscore.jobs.spark.java import java_home
from semscore.jobs.spark.surroundings import of_a_run, with_variables
from semscore.udfs.errors import UserError
from semscore.udfs.stores.registry import needs_java


def make_reachable(*places: str) -> None:
    """Start Java if one of the places is reached only through it, unless it runs already.

    Raises UserError if Java is missing or does not start.
    """
    for place in filter(needs_java, places):
        from pyspark import SparkConf  # takes a third of a second

        from semscore.jobs.spark.java_process import start_java, why_not

        with with_variables({"JAVA_HOME": str(java_home()), **of_a_run()}):
            try:
                start_java(SparkConf(), quiet=True)
            except Exception as error:  # pyspark's, or plain RuntimeError
                raise UserError(
                    f"{place} is read through Spark's Java, which did not start: {why_not(error)}"
                ) from error
