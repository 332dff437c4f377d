"""Reads arrays of Zarr v2 whose pixels count up, with readers that share no code with us.

    read_format_2.py STORE NAMES        NAMES is a JSON file: {array: {"dtype", "shape", "missing": frames at the end}}

Prints one line for each array and reader; exit code 1 where one reads anything else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import zarr
from readers import open_tensorstore, open_zarr_python

OPEN = {"zarr-python": open_zarr_python, "tensorstore": open_tensorstore}


def main() -> int:
    store, names = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    group = zarr.open_group(store, mode="r")
    wrong = 0 if group.metadata.zarr_format == 2 and group.attrs["made_by"] == "ome-stream" else 1
    for name, told in names.items():
        shape = tuple(told["shape"])
        want = np.arange(np.prod(shape)).reshape(shape).astype(told["dtype"])
        want[shape[0] - told["missing"] :] = 0
        for reader, read in OPEN.items():
            array = read(store, name)
            got = array.read(0, shape[0])
            same = array.dtype == want.dtype and array.shape == shape and bool((got == want).all())
            wrong += not same
            print(f"{reader} {name}: {'right' if same else f'wrong: {array.dtype} {array.shape}'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
