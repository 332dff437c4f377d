"""Reads arrays over and over while they are being written, and says whether it ever saw a wrong pixel.

    live_reader.py CONFIG        CONFIG is a JSON file, or - for the first line of stdin

Stops when `stop_file` appears; without `stop_file`, when stdin is closed. A last full pass follows the stop.

Config:

    {"arrays": [{"store": "/tmp/run.ome.zarr", "array": "0", "dtype": "uint16",
                 "shape": [100, 64, 64],        the largest it may become; dimension 0 may be smaller meanwhile
                 "frames": [0, 1, null, ...],   frame number at each storage index, C order; absent: 0, 1, 2, ...
                 "pixels": "/tmp/1.pixels"}],   what it holds at last, in C order, where that is no frames: then
                                                "frames" are the last ones on which each plane waits
     "readers": ["zarr-python", "tensorstore", "tensorstore-reopen"],  default: all three
     "stop_file": "/tmp/stop",                  optional
     "interval": 0.05,                          seconds between passes
     "max_seconds": 600,                        stops with an error after this time
     "must_have": 57}                           in the last pass each frame with a number below this must be whole;
                                                "all": every frame; default 0

zarr-python and tensorstore-reopen open the array anew in each pass; tensorstore opens it once and asks for its new
bounds (recheck_cached_metadata). An array that cannot be opened yet is waited for; once it has been opened, an error
is an error. Every pixel must be right or the fill value 0, and a frame once whole must stay whole.

Output, one JSON object per line: {"event": "ready"} when the libraries are loaded; {"event": "seen", "reader",
"array", "whole", "extent", "time"} whenever more whole frames are visible (time: seconds since the epoch); at last
{"event": "report", "ok", "passes", "pixels", "whole", "extent", "shrunk", "error_count", "errors"} (shrunk: how often
an extent was smaller than in the pass before). Exit code 0 when ok, 1 when not, 2 for a config that makes no sense.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pixels import Expectation, coords_block, frame_map
from readers import Opened, open_tensorstore, open_zarr_python, tensorstore_spec

MOST_ERRORS = 20


def open_held(store: Path, key: str) -> Opened:
    """An array that stays open: each pass asks it for its bounds anew."""
    import tensorstore

    spec = tensorstore_spec(store, key) | {"recheck_cached_metadata": True, "recheck_cached_data": True}
    array = tensorstore.open(spec, open=True, read=True).result()
    stored = int(array.chunk_layout.write_chunk.shape[0])
    return Opened(tuple(array.shape), array.dtype.numpy_dtype, None, stored, array)


def renew(opened: Opened) -> Opened:
    """The same open array with the bounds it has now."""
    array = opened.array.resolve().result()
    return Opened(tuple(array.shape), opened.dtype, None, opened.stored, array)


OPEN = {"zarr-python": open_zarr_python, "tensorstore": open_held, "tensorstore-reopen": open_tensorstore}


@dataclass
class Watch:
    """One array, watched by one reader."""

    reader: str
    store: Path
    key: str
    dtype: np.dtype
    shape: tuple[int, ...]
    numbers: np.ndarray
    whole: np.ndarray
    """Which storage indices have been seen whole."""
    pixels_at_last: np.ndarray | None = None
    """What it holds at last, where that is no frames."""
    held: Opened | None = None
    opened: bool = False
    passes: int = 0
    again: int = 0
    """Passes in which it had to ask twice."""
    pixels: int = 0
    extent: int = 0
    shrunk: int = 0
    errors: list[str] = field(default_factory=list)
    error_count: int = 0

    @property
    def label(self) -> str:
        return f"{self.store}/{self.key}: {self.reader}"

    def fail(self, message: str) -> None:
        self.error_count += 1
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(f"{self.label}: pass {self.passes}: {message}")

    def open(self) -> Opened:
        if self.held is not None:
            return renew(self.held)
        array = OPEN[self.reader](self.store, self.key)
        if self.reader == "tensorstore":
            self.held = array
        return array

    def look(self) -> bool:
        """One pass over the array. True when more whole frames are visible than ever before."""
        try:
            array = self.open()
        except Exception as error:
            if self.opened:
                self.fail(f"cannot be opened any more: {type(error).__name__}: {error}")
            return False
        self.opened = True
        self.passes += 1
        if array.shape[1:] != self.shape[1:] or array.shape[0] > self.shape[0] or array.dtype != self.dtype:
            self.fail(f"is {array.dtype} {list(array.shape)}, expected {self.dtype}, at most {list(self.shape)}")
            return False
        self.shrunk += array.shape[0] < self.extent
        self.extent = array.shape[0]
        before = int(self.whole.sum())
        try:
            try:
                self.compare(array)
            except Exception:
                # A compressed shard that is given its final length in this moment: docs/DURABILITY.md says to ask again.
                self.again += 1
                self.compare(self.open())
        except Exception as error:
            self.fail(f"cannot be read: {type(error).__name__}: {error}")
        return int(self.whole.sum()) > before

    def compare(self, array: Opened) -> None:
        now = np.zeros_like(self.whole)
        bounds = Expectation(array.shape, self.dtype, lambda a, b: np.empty(0))
        for start, stop in bounds.slabs(max(1, array.stored)):
            got = array.read(start, stop)
            numbers = self.numbers[start:stop] if self.numbers.ndim else self.numbers
            want = self.wanted(start, stop, numbers).reshape(got.shape)
            right = got == want
            wrong = ~right & (got != 0)
            if wrong.any():
                where = [int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape)]
                first = tuple(where)
                where[0] += start
                count = int(wrong.sum())
                self.fail(f"pixel {where}: expected {want[first]} or 0, got {got[first]} ({count} wrong in this block)")
            whole = right.all(axis=(-2, -1))
            if self.whole.ndim:
                now[start:stop] = whole
            else:
                now[...] = whole
            self.pixels += math.prod(got.shape)
        lost = self.whole & ~now & (self.numbers >= 0)
        if lost.any():
            index = [int(i) for i in np.argwhere(lost)[0]]
            self.fail(f"the frame at {index} was whole before and is not now ({int(lost.sum())} such frames)")
        self.whole |= now

    def wanted(self, start: int, stop: int, numbers: np.ndarray) -> np.ndarray:
        """What lies from `start` to `stop` along dimension 0 at last."""
        if self.pixels_at_last is not None:
            return self.pixels_at_last[start:stop]
        return coords_block(numbers, self.dtype, *self.shape[-2:])

    def demand(self, below: int) -> None:
        """Each frame with a number below `below` must have been seen whole."""
        missing = (self.numbers >= 0) & (self.numbers < below) & ~self.whole
        if missing.any():
            index = [int(i) for i in np.argwhere(missing)[0]]
            number = int(self.numbers[missing].reshape(-1)[0])
            self.fail(f"frame {number} at {index} is not whole ({int(missing.sum())} such frames below {below})")


def watches(config: dict[str, Any]) -> list[Watch]:
    """Every reader on every array."""
    readers = config.get("readers", list(OPEN))
    if not readers or not config["arrays"] or set(readers) - set(OPEN):
        raise ValueError(f"readers {readers} on {len(config['arrays'])} arrays: readers are {sorted(OPEN)}")
    made = []
    for array in config["arrays"]:
        shape = tuple(array["shape"])
        numbers = frame_map(array.get("frames"), shape)
        dtype = np.dtype(array["dtype"])
        pixels = np.fromfile(array["pixels"], dtype.newbyteorder("<")).reshape(shape) if "pixels" in array else None
        for reader in readers:
            store, key = Path(array["store"]), array["array"]
            made.append(Watch(reader, store, key, dtype, shape, numbers, np.zeros(numbers.shape, bool), pixels))
    return made


def say(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


def look_at_all(watched: list[Watch]) -> None:
    for watch in watched:
        if watch.look():
            array = f"{watch.store}/{watch.key}"
            whole = int((watch.whole & (watch.numbers >= 0)).sum())
            say("seen", reader=watch.reader, array=array, whole=whole, extent=watch.extent, time=time.time())


def wait_for_end_of_input(stopped: threading.Event) -> None:
    """Bypasses sys.stdin: its lock, held by a daemon thread, would abort the interpreter at exit."""
    while os.read(0, 4096):
        pass
    stopped.set()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="JSON file, or - for the first line of stdin")
    options = parser.parse_args()
    try:
        config = json.loads(sys.stdin.readline() if options.config == "-" else Path(options.config).read_text())
        watched = watches(config)
        must_have = config.get("must_have", 0)
        below = np.iinfo(np.int64).max if must_have == "all" else int(must_have)
    except (ValueError, KeyError, TypeError, OSError) as error:
        say("report", ok=False, errors=[f"config: {type(error).__name__}: {error}"], error_count=1)
        return 2
    import tensorstore  # noqa: F401  (loaded before "ready", so that no pass pays for it)
    import zarr  # noqa: F401

    stopped = threading.Event()
    if "stop_file" not in config:
        threading.Thread(target=wait_for_end_of_input, args=(stopped,), daemon=True).start()
    say("ready")
    began = time.monotonic()
    limit = float(config.get("max_seconds", 600))
    in_time = True
    while not stopped.wait(float(config.get("interval", 0.05))):
        if "stop_file" in config and Path(config["stop_file"]).exists():
            break
        if time.monotonic() - began > limit:
            in_time = False
            break
        look_at_all(watched)
    look_at_all(watched)
    for watch in watched:
        if not watch.opened:
            watch.fail("could never be opened")
        watch.demand(below)
    errors = [error for watch in watched for error in watch.errors]
    if not in_time:
        errors.insert(0, f"was not told to stop within {limit:g} s")
    say(
        "report",
        ok=not errors,
        passes={watch.label: watch.passes for watch in watched},
        asked_again={watch.label: watch.again for watch in watched},
        pixels=sum(watch.pixels for watch in watched),
        whole={watch.label: int((watch.whole & (watch.numbers >= 0)).sum()) for watch in watched},
        extent={watch.label: watch.extent for watch in watched},
        shrunk=sum(watch.shrunk for watch in watched),
        error_count=sum(watch.error_count for watch in watched) + (not in_time),
        errors=errors,
    )
    return 0 if not errors else 1


if __name__ == "__main__":
    sys.exit(main())
