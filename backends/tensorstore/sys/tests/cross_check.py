"""Reads arrays of ours with the official TensorStore wheel and with zarr-python, and writes arrays with the wheel.

Usage: cross_check.py cases.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorstore as ts
import zarr


def read_by_tensorstore(case):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": case["ours"]}}
    return ts.open(spec).result().read().result()


def read_by_zarr(case):
    return zarr.open_array(case["ours"], mode="r")[...]


def write_by_tensorstore(case):
    store = ts.open(case["theirs"]).result()
    for piece in case["pieces"]:
        box = tuple(slice(at, at + extent) for at, extent in zip(piece["origin"], piece["shape"]))
        pixels = np.frombuffer(Path(piece["pixels"]).read_bytes(), dtype=case["dtype"]).reshape(piece["shape"])
        store[box].write(pixels).result()


def main():
    cases = json.loads(Path(sys.argv[1]).read_text())
    readers = {"tensorstore": read_by_tensorstore, "zarr": read_by_zarr}
    right = dict.fromkeys(readers, 0)
    failures = []
    for case in cases:
        expected = np.frombuffer(Path(case["expected"]).read_bytes(), dtype=case["dtype"]).reshape(case["shape"])
        for name, read in readers.items():
            try:
                found = np.asarray(read(case))
                same = found.shape == expected.shape and found.astype(expected.dtype).tobytes() == expected.tobytes()
                problem = None if same else "other pixels"
            except Exception as error:  # Every case is told, whatever a reader thinks of it.
                problem = f"{type(error).__name__}: {error}"
            if problem is None:
                right[name] += 1
            else:
                codecs = json.dumps(case["theirs"]["metadata"]["codecs"])
                failures.append(f"{name}: {case['dtype']} {codecs}: {problem}")
        write_by_tensorstore(case)
    print(f"{right['tensorstore']} read by tensorstore, {right['zarr']} by zarr")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
