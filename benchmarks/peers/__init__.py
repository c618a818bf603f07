"""Other tools that score the same pairs, each set up as a skilled user would do it.

    python -m benchmarks.peers.NAME INPUT OUTPUT --model FOLDER [--precision float32|bfloat16]

INPUT is a folder of parquet files. The parquet files in OUTPUT have the columns `id` and `score`.
"""
