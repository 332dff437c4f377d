"""Compares a converted store with the one that it was made of, array by array, with zarr-python.

    python compare_converted.py OLD NEW

Every array of OLD must be in NEW with the same shape, type of pixels, fill value and pixels, and the attributes that
others gave it. Prints how many arrays and groups are the same; ends with 1 and what differs where something does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import zarr

OME = {"ome", "multiscales", "omero", "plate", "well", "labels", "series", "image-label", "bioformats2raw.layout"}


def nodes(store: Path) -> dict[str, Any]:
    """Every array and group by its path, as the documents on disk have them."""
    root = zarr.open_group(store, mode="r", use_consolidated=False)
    return {"": root} | dict(root.members(max_depth=None, use_consolidated_for_children=False))


def same_number(one: Any, other: Any) -> bool:
    """Numbers that are none are the same."""
    return one == other or (one != one and other != other)


def same(one: Any, other: Any) -> bool:
    """JSON that says the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return same_number(one, other)


def of_others(node: Any) -> dict[str, Any]:
    """Attributes that are not NGFF's."""
    return {name: value for name, value in dict(node.attrs).items() if name not in OME}


def difference(old: Any, new: Any) -> str | None:
    """What is not the same."""
    if type(old) is not type(new):
        return f"{type(old).__name__} became {type(new).__name__}"
    if not same(of_others(old), of_others(new)):
        return f"attributes: {of_others(old)} became {of_others(new)}"
    if isinstance(old, zarr.Group):
        return None
    if (old.shape, old.dtype.newbyteorder("=")) != (new.shape, new.dtype.newbyteorder("=")):
        return f"{old.shape} {old.dtype} became {new.shape} {new.dtype}"
    # In Zarr v2 it may be none, which reads as zero.
    if not same_number(*(0 if each.fill_value is None else each.fill_value for each in (old, new))):
        return f"fill value {old.fill_value} became {new.fill_value}"
    if not np.array_equal(old[...], new[...], equal_nan=old.dtype.kind in "fc"):
        return "other pixels"
    return None


def main() -> None:
    old, new = (nodes(Path(path)) for path in sys.argv[1:3])
    wrong = [f"{path!r}: missing or new" for path in sorted(old.keys() ^ new.keys())]
    for path in sorted(old.keys() & new.keys()):
        found = difference(old[path], new[path])
        if found:
            wrong.append(f"{path!r}: {found}")
    print(f"{len(old)} nodes")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
