"""Foreign readers of an array, all with one face. They share no code with each other or with us."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Opened:
    """An array as one reader sees it."""

    shape: tuple[int, ...]
    dtype: np.dtype
    names: tuple[str | None, ...] | None
    """Dimension names; None where the format has none (Zarr v2)."""
    stored: int
    """Extent along dimension 0 of what is stored as one object: a shard, or a chunk without shards."""
    array: Any

    def read(self, start: int, stop: int) -> np.ndarray:
        """Everything from `start` to `stop` along dimension 0."""
        block = self.array[start:stop]
        return np.asarray(block.read().result() if hasattr(block, "read") else block)


def open_zarr_python(store: Path, key: str) -> Opened:
    """Opens through the root group, as a user's script does."""
    import zarr

    array = zarr.open_group(store, mode="r")[key]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{key!r} is a {type(array).__name__}, not an array")
    names = getattr(array.metadata, "dimension_names", None)
    stored = (array.shards or array.chunks)[0]
    return Opened(array.shape, np.dtype(array.dtype), names and tuple(names), int(stored), array)


def tensorstore_spec(store: Path, key: str) -> dict[str, Any]:
    """The spec of an array on disk, Zarr v3 or v2, whichever its metadata says."""
    path = store / key
    v2 = (path / ".zarray").is_file() and not (path / "zarr.json").is_file()
    return {"driver": "zarr" if v2 else "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}


def open_tensorstore(store: Path, key: str) -> Opened:
    import tensorstore

    spec = tensorstore_spec(store, key)
    array = tensorstore.open(spec, open=True, read=True).result()
    names = tuple(name or None for name in array.domain.labels) if spec["driver"] == "zarr3" else None
    if names and not any(names):
        names = None
    stored = int(array.chunk_layout.write_chunk.shape[0])
    return Opened(tuple(array.shape), array.dtype.numpy_dtype, names, stored, array)


READERS = {"zarr-python": open_zarr_python, "tensorstore": open_tensorstore}


def metadata_of(node: Path) -> tuple[int, dict[str, Any]]:
    """(zarr format, metadata document) of a group or array folder; in v2 with `attributes` from `.zattrs`."""
    if (node / "zarr.json").is_file():
        return 3, json.loads((node / "zarr.json").read_bytes())
    for name in (".zgroup", ".zarray"):
        if (node / name).is_file():
            document = json.loads((node / name).read_bytes())
            attributes = node / ".zattrs"
            document["attributes"] = json.loads(attributes.read_bytes()) if attributes.is_file() else {}
            document["node_type"] = "array" if name == ".zarray" else "group"
            return 2, document
    raise FileNotFoundError(f"{node}: neither zarr.json, .zgroup nor .zarray")
