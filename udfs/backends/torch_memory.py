"""How torch uses the memory of a process that runs models on a CPU.

oneDNN and torch's layer around it keep code and working memory for each shape of a product, 1,024
shapes each. Batches hardly ever repeat a shape, so a worker grows by 0.7 GB without getting faster.
And glibc gives large blocks back to the kernel, which has to clear new ones for the next tensor.
Keeping them makes forward passes a little faster. (See `man 3 mallopt` for its parameters, oneDNN's
page on its primitive cache, and `LRU_CACHE_CAPACITY` in ideep, which torch includes.)
"""

from __future__ import annotations

import ctypes
import os

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
SHAPES = "64"
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGE = 1 << 30  # bytes; only larger blocks go back to the kernel
STEP = 64 << 20  # bytes by which the heap grows


def hold_memory() -> None:
    """Bound what torch keeps for shapes, and keep blocks that are freed, in this process.

    It has to be called before torch's first product. The user's own settings of the caches remain.
    Without glibc, blocks are freed as usual.
    """
    for name in CACHES:
        os.environ.setdefault(name, SHAPES)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return
    sizes = {M_MMAP_THRESHOLD: LARGE, M_TRIM_THRESHOLD: LARGE, M_TOP_PAD: STEP}
    for parameter, size in sizes.items():
        mallopt(parameter, size)
