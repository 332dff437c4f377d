"""What the operating system knows about this process: resident memory, and pushing a file system to the medium."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

LINUX = sys.platform == "linux"
libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


def status(field: str) -> int | None:
    """A size from /proc/self/status in bytes (VmHWM: peak resident, VmRSS: resident now); None elsewhere."""
    if not LINUX:
        return None
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None


def forget_peak() -> None:
    """Gives unused memory back and starts the peak anew: the next VmHWM is that of the next job alone."""
    gc.collect()
    if libc is not None:
        if hasattr(libc, "malloc_trim"):
            libc.malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def sync_file_system(path: Path) -> None:
    """syncfs(2): returns when everything on the file system of `path` is on the medium. Elsewhere: sync(2)."""
    if libc is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"syncfs: {os.strerror(code)}", str(path))
    finally:
        os.close(descriptor)
