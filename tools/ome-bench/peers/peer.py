"""Runs the engines labs use today, one job at a time, so that a benchmark can interleave them with ours.

    peer.py        reads one JSON job per line on stdin, answers with one JSON line on stdout; ends with stdin

Job:    {"engine": "ome-writers/tensorstore" | "ome-writers/acquire-zarr" | "ome-writers/zarrs-python"
                   | "ome-writers/zarr-python" | "acquire-zarr",
         "settings": {..},        ome-writers' AcquisitionSettings, compression included; root_path, format and
                                  overwrite are the peer's own
         "frames_file": PATH,     raw little-endian frames, K of them, used in turn
         "frame_count": n,
         "out": FOLDER,           is made if need be; the store becomes FOLDER/peer.ome.zarr, which must not exist
         "durable": true,         default true: syncfs(2) after close, counted as `sync`
        "levels": null}          or {"method": "MEAN", "most": n}: levels of acquire-zarr's own making
Answer: {"ok": true, "engine", "version", "create", "append": [..], "finish", "sync",   seconds; one for each append
         "write",                 appends, close and sync on one clock, which begins where `create` ends: the sum of
                                  the two is the whole run
         "rss_before", "peak_rss",  bytes: before the job with its frames loaded, and the highest during it
         "bytes", "store",        pixel bytes appended, path of the store
        "level_bytes"}           with levels: pixel bytes of all of them
or      {"ok": false, "error": ".."}.
Probe:  {"probe": true}  ->  {"ok": true, "python", "engines": {name: {"available", "version" | "reason"}}}

Imports, settings and frames are ready before the clock starts, and so is the file system (a durable job syncs it
first, so that nobody pays for the job before). Run one process per engine where memory is compared: what an engine
keeps for itself after a job would otherwise count against the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

import engines
import numpy as np
from measure import forget_peak, status, sync_file_system

JOB_FIELDS = {"engine", "settings", "frames_file", "frame_count", "out"}
OPTIONAL_FIELDS = {"durable", "levels"}


class Frames:
    """The frames of a file, kept from job to job while the file stays the same."""

    def __init__(self) -> None:
        self.key: Any = None
        self.frames: list[np.ndarray] = []

    def load(self, path: Path, dtype: str, height: int, width: int) -> list[np.ndarray]:
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns, dtype, height, width)
        if key != self.key:
            self.frames, self.key = [], None
            frame_bytes = height * width * np.dtype(dtype).itemsize
            if stat.st_size == 0 or stat.st_size % frame_bytes:
                raise ValueError(f"{path}: {stat.st_size} bytes are not whole frames of {frame_bytes} bytes")
            pixels = np.fromfile(path, np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False)
            self.frames, self.key = list(pixels.reshape(-1, height, width)), key
        return self.frames


def run(job: dict[str, Any], loaded: Frames) -> dict[str, Any]:
    """One job, timed."""
    if missing := JOB_FIELDS - set(job):
        raise ValueError(f"the job lacks {sorted(missing)}")
    if unknown := set(job) - JOB_FIELDS - OPTIONAL_FIELDS:
        raise ValueError(f"the job has unknown fields {sorted(unknown)}")
    engine, count, durable = job["engine"], int(job["frame_count"]), job.get("durable", True)
    levels = job.get("levels")
    if levels is not None and engine != "acquire-zarr":
        raise ValueError(f"{engine} makes no levels")
    state = engines.available(engine)
    if not state["available"]:
        raise ValueError(f"{engine} is not available: {state['reason']}")
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    settings = engines.settings_for(engine, job["settings"], out)
    store = Path(settings.output_path)
    if store.exists():
        raise ValueError(f"{store} exists: give each job a fresh folder")
    height, width = (dimension.count for dimension in settings.dimensions[-2:])
    frames = loaded.load(Path(job["frames_file"]), settings.dtype, height, width)
    turns = [frames[n % len(frames)] for n in range(count)]
    if durable:
        sync_file_system(out)
    forget_peak()
    before = status("VmRSS")

    clock = time.perf_counter
    began = clock()
    append, close = engines.create(engine, settings, levels)
    created = last = clock()
    times = []
    try:
        for frame in turns:
            append(frame)
            now = clock()
            times.append(now - last)
            last = now
    except Exception:
        with contextlib.suppress(Exception):  # the first error is the one to tell
            close()
        raise
    close()
    closed = synced = clock()
    if durable:
        sync_file_system(out)
        synced = clock()
    peak = status("VmHWM")
    return {
        "ok": True,
        "engine": engine,
        "version": state["version"],
        "create": created - began,
        "append": times,
        "finish": closed - last,
        "sync": synced - closed,
        "write": synced - created,
        "rss_before": before,
        "peak_rss": peak,
        "bytes": sum(frame.nbytes for frame in turns),
        "store": str(store),
        "level_bytes": engines.level_bytes(store) if levels is not None else None,
    }


def answer(line: str, loaded: Frames) -> dict[str, Any]:
    """One line in, one answer out; whatever goes wrong is an answer too."""
    try:
        job = json.loads(line)
        if not isinstance(job, dict):
            raise ValueError(f"a job is a JSON object, not {type(job).__name__}")
        if job.get("probe"):
            states = {name: engines.available(name) for name in engines.MODULES}
            return {"ok": True, "python": platform.python_version(), "engines": states}
        return run(job, loaded)
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def private_stdout() -> TextIO:
    """The real stdout for answers alone; what an engine prints goes to stderr."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")


def main() -> int:
    answers = private_stdout()
    warnings.simplefilter("ignore")
    loaded = Frames()
    for line in sys.stdin:
        if line.strip():
            answers.write(json.dumps(answer(line, loaded)) + "\n")
            answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
