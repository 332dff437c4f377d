"""Compares a stored image with the TIFF it was made of, pixel by pixel, by foreign readers on both sides.

    compare_image.py STORE TIFF [--array 0]

Reads the TIFF with tifffile and the array with zarr-python. Dimensions of length one may differ; the rest of the
shape, the dtype and every pixel must agree. Exit code 0 equal, 1 different.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import tifffile
from pixels import difference
from readers import open_zarr_python


def compare(store: Path, tiff: Path, key: str) -> str | None:
    """None when equal, otherwise what differs."""
    image = np.squeeze(tifffile.imread(tiff))
    array = open_zarr_python(store, key)
    stored = np.squeeze(array.read(0, array.shape[0]))
    if stored.dtype != image.dtype:
        return f"dtype: the TIFF has {image.dtype}, the store {stored.dtype}"
    if stored.shape != image.shape:
        return f"shape: the TIFF has {list(image.shape)}, the store {list(array.shape)}"
    return difference(stored, image)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("tiff", type=Path)
    parser.add_argument("--array", default="0", help="array inside the store (default: 0)")
    options = parser.parse_args()
    wrong = compare(options.store, options.tiff, options.array)
    if wrong:
        print(f"{options.store}/{options.array} and {options.tiff} differ: {wrong}", file=sys.stderr)
        return 1
    print(f"{options.store}/{options.array} and {options.tiff} are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
