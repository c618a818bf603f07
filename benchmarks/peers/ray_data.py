"""Score with Ray Data: `map_batches` with an actor for each core."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.common import ROWS, WORKERS, arguments, load_model, score

OBJECT_STORE_BYTES = 2**30


class Scorer:
    """One actor with its own model."""

    def __init__(self, folder: Path, precision: str) -> None:
        self.model = load_model(folder, precision)

    def __call__(self, batch: dict[str, NDArray[np.object_]]) -> dict[str, NDArray[np.generic]]:
        """Score a batch: columns of n rows -> `id` and `score` of n rows."""
        return {"id": batch["id"], "score": score(self.model, batch["text1"], batch["text2"])}


def main() -> None:
    """Read the pairs, score them, and write the scores, all on this machine."""
    args = arguments()
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
    import ray

    ray.init(
        address="local",
        num_cpus=WORKERS
        + 1,  # one more than the actors use, so that reading need not wait for them
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        _node_ip_address="127.0.0.1",
    )
    # Ray reads small files as one block, and one actor takes a whole block: the others would idle.
    pairs = ray.data.read_parquet(str(args.input)).repartition(target_num_rows_per_block=ROWS)
    scored = pairs.map_batches(
        Scorer,
        fn_constructor_args=(args.model, args.precision),
        compute=ray.data.ActorPoolStrategy(size=WORKERS),
        batch_size=ROWS,
        num_cpus=1,
    )
    scored.write_parquet(str(args.output))
    ray.shutdown()


if __name__ == "__main__":
    main()
