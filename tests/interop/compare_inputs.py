"""Streams real TIFF files and compares each store with what tifffile reads.

    compare_inputs.py BINARY FOLDER REFUSALS [--write]

BINARY is `ome-stream`, FOLDER what fetch_inputs.py made, REFUSALS a JSON object of the files that are refused, each with a
part of the message. With --write the list is written anew, to be read by a person before it is committed.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
import zarr
from fetch_inputs import SUFFIXES

# Decoders of JPEG round each in its own way.
JPEG_TOLERANCE = 3


def read(path: Path) -> tuple[np.ndarray, str, bool]:
    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        pixels = series.asarray()
        lossy = tiff.pages[0].compression == tifffile.COMPRESSION.JPEG
    return (pixels.astype("u1") if pixels.dtype == bool else pixels), series.axes, lossy


def compare(path: Path, store: Path) -> str | None:
    """What is wrong with the store of a file."""
    expected, axes, lossy = read(path)
    attributes = json.loads((store / "zarr.json").read_text())["attributes"]["ome"]
    found = zarr.open_group(store, mode="r")["0"][...]
    names = "".join(axis["name"] for axis in attributes["multiscales"][0]["axes"]).upper()
    # Samples are channels; an axis that tifffile does not name is time.
    axes = axes.replace("S", "C") if "C" not in axes else axes
    axes = "".join("T" if axis in "IQR" and "T" not in axes else axis for axis in axes)
    if sorted(axes) != sorted(names) or len(axes) != expected.ndim:
        return f"axes {names}, tifffile has {axes}"
    expected = np.transpose(expected, [axes.index(name) for name in names])
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return f"{found.shape} {found.dtype}, tifffile has {expected.shape} {expected.dtype}"
    far = JPEG_TOLERANCE if lossy else 0
    wrong = int((np.abs(expected.astype("f8") - found.astype("f8")) > far).sum()) if expected.dtype.kind != "f" else 0
    if expected.dtype.kind == "f" and not np.array_equal(expected, found, equal_nan=True):
        wrong = 1
    return f"{wrong} pixels differ" if wrong else None


def main() -> int:
    binary, folder, list_of_refusals = map(Path, sys.argv[1:4])
    logging.disable(logging.CRITICAL)
    known = json.loads(list_of_refusals.read_text()) if list_of_refusals.exists() else {}
    refusals, wrong, equal = {}, [], 0
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "out.ome.zarr"
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
            name = path.relative_to(folder).as_posix()
            shutil.rmtree(store, ignore_errors=True)
            ran = subprocess.run([binary, "write", path, "-o", store, "-q"], capture_output=True, text=True, timeout=120)
            if ran.returncode == 0:
                equal += 1
                if problem := compare(path, store):
                    wrong.append(f"{name}: {problem}")
                if name in known:
                    wrong.append(f"{name}: it is taken, and was to be refused: {known[name]}")
                continue
            said = ran.stderr.strip().removeprefix(f"error: {path}: ").replace(str(store), "STORE")
            refusals[name] = said
            if ran.returncode != 1 or known.get(name, "\0") not in said:
                wrong.append(f"{name}: exit code {ran.returncode}: {said}")
    if "--write" in sys.argv:
        list_of_refusals.write_text(json.dumps(refusals, indent=1, ensure_ascii=False) + "\n")
        return 0
    print("\n".join(wrong))
    print(f"{equal} files are equal, {len(refusals)} refused")
    return 1 if wrong or equal + len(refusals) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
