"""Other ways to score the same pairs, each as its skilled users would set it up.

    python -m benchmarks.peers.NAME INPUT OUTPUT --model FOLDER [--precision float32|bfloat16]

INPUT is a folder of parquet files; OUTPUT gets parquet with `id` and `score`.
"""
