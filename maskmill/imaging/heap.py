"""Keeps freed memory with the process while pictures are worked on in strips; it knows no picture.

glibc maps each large block anew and gives it back at once, which costs as much as the arithmetic on it. The threshold
follows the largest mapped block that was freed, up to 32 MiB; other allocators are not touched by this.
"""

from __future__ import annotations

import numpy as np

_BLOCK_BYTES = 31 * 1024 * 1024


def keep_freed_memory() -> None:
    """Let later blocks of up to 31 MiB come from memory that the process already holds. Costs microseconds."""
    np.empty(_BLOCK_BYTES, np.uint8)
