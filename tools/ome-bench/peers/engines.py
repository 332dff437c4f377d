"""The engines labs use today, each behind the same three calls: create, append, close.

Nothing is imported before an engine is asked for: one that is missing costs the others nothing.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

Append = Callable[[np.ndarray], None]
Close = Callable[[], None]

MODULES = {
    "ome-writers/tensorstore": ("ome_writers", "yaozarrs", "tensorstore"),
    "ome-writers/acquire-zarr": ("ome_writers", "yaozarrs", "acquire_zarr"),
    "ome-writers/zarrs-python": ("ome_writers", "yaozarrs", "zarr", "zarrs"),
    "ome-writers/zarr-python": ("ome_writers", "yaozarrs", "zarr"),
    "acquire-zarr": ("acquire_zarr", "ome_writers"),
}
"""Engine -> what it imports. acquire-zarr alone needs ome-writers to understand the settings, not to write."""

STORE = "peer.ome.zarr"
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space", "p": "position"}


def available(engine: str) -> dict[str, Any]:
    """{"available": true, "version": ..} or {"available": false, "reason": ..}."""
    if engine not in MODULES:
        return {"available": False, "reason": f"unknown engine {engine!r}: use one of {', '.join(MODULES)}"}
    try:
        for module in MODULES[engine]:
            importlib.import_module(module)
    except Exception as error:  # a package may be absent, or there and broken in any way
        return {"available": False, "reason": f"{type(error).__name__}: {error}; pip install ome-writers acquire-zarr"}
    return {"available": True, "version": versions(engine)}


def versions(engine: str) -> str:
    """Package versions of an engine, as one line."""
    said = []
    for module in MODULES[engine]:
        package = module.replace("_", "-")
        try:
            said.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            said.append(f"{package} (unknown)")
    return ", ".join(said)


def settings_for(engine: str, settings: dict[str, Any], out: Path) -> Any:
    """The job's settings as ome-writers' own model, its store moved to `out` and its format to the engine."""
    from ome_writers import AcquisitionSettings

    # Its documentation infers a missing type from the name; version 0.3.2 does not, and then refuses the order.
    dimensions = []
    for dimension in settings.get("dimensions", []):
        untyped = isinstance(dimension, dict) and dimension.get("type") is None and dimension.get("unit") is None
        kind = TYPES.get(dimension.get("name")) if untyped else None
        dimensions.append({**dimension, "type": kind} if kind else dimension)
    backend = engine.removeprefix("ome-writers/")
    ours = {"root_path": str(out / STORE), "format": {"name": "ome-zarr", "backend": backend}, "overwrite": False}
    return AcquisitionSettings.model_validate({**settings, "dimensions": dimensions, **ours})


def create(engine: str, settings: Any, levels: dict[str, Any] | None = None) -> tuple[Append, Close]:
    """Opens a stream. Everything slow that is not the engine's own work has been done before."""
    if engine == "acquire-zarr":
        return create_acquire(settings, levels)
    from ome_writers import create_stream

    stream = create_stream(settings)
    return stream.append, stream.close


def create_acquire(settings: Any, levels: dict[str, Any] | None) -> tuple[Append, Close]:
    """acquire-zarr by its own package: one multiscale image, or one image per position; with levels of its own."""
    import acquire_zarr

    stream = acquire_zarr.ZarrStream(acquire_settings(settings, levels))
    keys, inner = position_cycle(settings)
    if len(keys) == 1:
        return stream.append, stream.close
    number = 0

    def append(frame: np.ndarray) -> None:
        nonlocal number
        stream.append(frame, key=keys[number // inner % len(keys)])
        number += 1

    return append, stream.close


def position_cycle(settings: Any) -> tuple[list[str], int]:
    """(one array key per position, frames that arrive before the position changes)."""
    inner = 1
    for dimension in reversed(settings.dimensions[:-2]):
        if dimension.type == "position":
            return [str(p) for p in range(len(settings.positions))], inner
        inner *= dimension.count or 1
    return [""], inner


def acquire_settings(settings: Any, levels: dict[str, Any] | None) -> Any:
    """The same acquisition in acquire-zarr's words; everything it can choose for itself is left to it."""
    import acquire_zarr as az

    if settings.plate is not None:
        raise ValueError("acquire-zarr: plates are not part of the benchmark")
    kinds = {
        "time": az.DimensionType.TIME,
        "channel": az.DimensionType.CHANNEL,
        "space": az.DimensionType.SPACE,
    }
    dimensions = []
    acquired = settings.array_dimensions
    for place, dimension in enumerate(acquired):
        whole_frame = dimension.count if place >= len(acquired) - 2 else 1
        dimensions.append(
            az.Dimension(
                name=dimension.name,
                kind=kinds.get(dimension.type or "", az.DimensionType.OTHER),
                array_size_px=dimension.count or 0,
                chunk_size_px=dimension.chunk_size or whole_frame,
                shard_size_chunks=dimension.shard_size_chunks or 1,
            )
        )
    order = None
    if settings.storage_index_permutation is not None:
        order = [dimension.name for dimension in settings.array_storage_dimensions]
    keys, _ = position_cycle(settings)
    pyramid: dict[str, Any] = {}
    if levels is not None:
        pyramid = {
            "downsampling_method": getattr(az.DownsamplingMethod, levels["method"]),
            "max_levels": levels["most"],
        }
    arrays = [
        az.ArraySettings(
            output_key=key,
            dimensions=dimensions,
            data_type=settings.dtype,
            compression=acquire_compression(settings.compression),
            storage_dimension_order=order,
            is_ngff=True,
            **pyramid,
        )
        for key in keys
    ]
    return az.StreamSettings(arrays=arrays, store_path=settings.output_path)


def level_bytes(store: Path) -> int:
    """Bytes of the pixels of all arrays of a store, by their metadata."""
    total = 0
    for path in store.rglob("zarr.json"):
        metadata = json.loads(path.read_text())
        if metadata["node_type"] == "array":
            total += math.prod(metadata["shape"]) * np.dtype(metadata["data_type"]).itemsize
    return total


def acquire_compression(compression: str | None) -> Any:
    """ome-writers' names and levels."""
    import acquire_zarr as az

    if compression in (None, "none"):
        return None
    codecs = {
        "blosc-lz4": (az.CompressionCodec.BLOSC_LZ4, 5),
        "blosc-zstd": (az.CompressionCodec.BLOSC_ZSTD, 3),
    }
    if compression not in codecs:
        raise ValueError(f"acquire-zarr: compression {compression!r}: use none, {', '.join(codecs)}")
    codec, level = codecs[compression]
    return az.CompressionSettings(compressor=az.Compressor.BLOSC1, codec=codec, level=level, shuffle=1)
