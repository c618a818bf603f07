"""Passes that are recorded once for each shape of a batch and then replayed (CUDA graphs).

A small model's pass consists of a hundred short kernels, and starting them one by one can take the
host longer than the GPU needs to run them. A replay starts all of them at once.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import TypeAlias

import torch

from semscore.udfs.backends.features import PackedTokens
from semscore.udfs.backends.flat.buckets import Lengths, Shape, shape_of

MOST = 16  # graphs; each keeps its result in the GPU's memory
OFTEN = 4  # batches of a shape before it is recorded, which takes as long as three passes
WARM_UPS = 2  # libraries allocate memory in their first calls, which must not be recorded
TRIES = 3

# Runs a batch whose longest text has at most that many tokens: -> states (tokens, hidden)
Pass: TypeAlias = Callable[[PackedTokens, int], torch.Tensor]
# Takes a function that computes on fixed tensors. Returns one that computes the same on them again.
Record: TypeAlias = Callable[[Callable[[], torch.Tensor]], Callable[[], torch.Tensor]]

log = logging.getLogger("semscore")


class Graphs:
    """The recorded passes of a model. What a pass returns is overwritten by the next one.

    Passes of more than `bound` tokens are not recorded. If recording fails once, nothing more is
    recorded.
    """

    def __init__(self, run: Pass, record: Record, bound: int) -> None:
        self._run, self._record, self._bound = run, record, bound
        self._replays: dict[Shape, tuple[PackedTokens, Callable[[], torch.Tensor]]] = {}
        self._seen: Counter[Shape] = Counter()
        self._failed = False

    def shape_for(self, lengths: Lengths) -> Shape | None:
        """Return the shape to which a batch must be filled, or None if it is not to be replayed.

        `lengths` are those of its texts, in tokens: (k,).
        """
        shape = shape_of(lengths)
        if shape in self._replays:
            return shape
        if self._failed or shape.tokens > self._bound or len(self._replays) == MOST:
            return None
        self._seen[shape] += 1
        return shape if self._seen[shape] >= OFTEN else None

    def run(self, batch: PackedTokens, shape: Shape) -> torch.Tensor:
        """Run a batch that has been filled to a shape: -> (tokens, hidden), or (k, hidden)."""
        if shape not in self._replays and not self._recorded(batch, shape):
            return self._run(batch, shape.longest)
        kept, replay = self._replays[shape]
        for own, given in zip(_tensors(kept), _tensors(batch), strict=True):
            own.copy_(given)
        return replay()

    def _recorded(self, batch: PackedTokens, shape: Shape) -> bool:
        """Record a pass for a shape. Returns whether that worked."""
        types = None if batch.types is None else batch.types.clone()
        kept = PackedTokens(batch.ids.clone(), batch.places.clone(), types, batch.offsets.clone())
        try:
            replay = self._record(lambda: self._run(kept, shape.longest))
        except Exception as error:
            # Drivers report what cannot be recorded like faults of the device. If there is such a
            # fault, the pass that now follows shows it too.
            log.info("passes are not recorded: %s", str(error).partition("\n")[0])
            self._failed = True
            return False
        self._replays[shape] = kept, replay
        return True


def recorder(device: torch.device) -> Record | None:
    """Return what records CUDA graphs on a device, or None if the device has no such graphs."""
    if device.type != "cuda":
        return None
    pool = torch.cuda.graph_pool_handle()  # for all graphs, as only one runs at a time

    def record(run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        with torch.cuda.device(device):
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    run()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # The thread that tokenises the next window may use the device at the same time.
            with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                states = run()

        def replay() -> torch.Tensor:
            graph.replay()
            return states

        return replay

    return record


def launch_bound(
    start: Callable[[], object],
    wait: Callable[[], object],
    tokens: int,
    clock: Callable[[], float] = perf_counter,
) -> int:
    """Return the number of tokens in a pass below which the host, not the GPU, limits its speed.

    `start` starts a pass of `tokens` tokens, and `wait` waits for its end. Starting a pass takes
    the host the same time for any number of tokens, while the GPU's time grows with it.
    """
    shares = []
    start()
    wait()
    for _ in range(TRIES):
        begin = clock()
        start()
        started = clock() - begin
        wait()
        shares.append(started / max(clock() - begin, 1e-9))
    return int(tokens * median(shares))


def _tensors(batch: PackedTokens) -> list[torch.Tensor]:
    each = (batch.ids, batch.places, batch.types, batch.offsets)
    return [tensor for tensor in each if tensor is not None]
