"""Good stores, written by zarr-python and yaozarrs, for the tests of these scripts to pass and to break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from pixels import coords_block, frame_map

AXES = {
    "t": {"name": "t", "type": "time", "unit": "second"},
    "c": {"name": "c", "type": "channel"},
    "z": {"name": "z", "type": "space", "unit": "micrometer"},
    "y": {"name": "y", "type": "space", "unit": "micrometer"},
    "x": {"name": "x", "type": "space", "unit": "micrometer"},
}


def pixels(shape: tuple[int, ...], dtype: str, frames: list[int | None] | None = None) -> np.ndarray:
    """The whole expected array."""
    return coords_block(frame_map(frames, shape), np.dtype(dtype), shape[-2], shape[-1])


def image_metadata(axes: str, version: str) -> dict[str, Any]:
    """OME attributes of an image with one level, as they stand in the file."""
    scale = {"type": "scale", "scale": [0.5] * len(axes)}
    move = {"type": "translation", "translation": [0.0] * (len(axes) - 1) + [123456.789]}
    entry: dict[str, Any] = {"name": "image", "datasets": [{"path": "0"}]}
    if version == "0.6":
        entry["coordinateSystems"] = [{"name": "physical", "axes": [AXES[a] for a in axes]}]
        step = {"type": "sequence", "transformations": [scale, move]}
        entry["datasets"][0]["coordinateTransformations"] = [
            {**step, "input": {"path": "0"}, "output": {"name": "physical"}}
        ]
    else:
        entry["axes"] = [AXES[a] for a in axes]
        entry["datasets"][0]["coordinateTransformations"] = [scale, move]
    if version == "0.4":
        entry["version"] = "0.4"
        return {"multiscales": [entry]}
    return {"ome": {"version": version, "multiscales": [entry]}}


def write_image(
    path: Path,
    axes: str,
    values: np.ndarray,
    *,
    version: str = "0.5",
    chunks: tuple[int, ...] | None = None,
    shards: tuple[int, ...] | None = None,
    compressors: Any = None,
) -> None:
    """An image group with level 0."""
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.create_group(path, zarr_format=zarr_format, attributes=image_metadata(axes, version), overwrite=True)
    options: dict[str, Any] = {"dimension_names": list(axes)} if zarr_format == 3 else {}
    array = group.create_array(
        "0",
        shape=values.shape,
        dtype=values.dtype,
        chunks=chunks or values.shape,
        shards=shards,
        compressors=compressors,
        fill_value=0,
        chunk_key_encoding={"name": "default" if zarr_format == 3 else "v2", "separator": "/"},
        **options,
    )
    array[...] = values


def group_of(path: Path, metadata: dict[str, Any], version: str) -> None:
    """A group with OME metadata where its version keeps them."""
    if version == "0.4":
        zarr.create_group(path, zarr_format=2, attributes=metadata, overwrite=True)
    else:
        attributes = {"ome": {"version": version, **metadata}} if metadata else {}
        zarr.create_group(path, attributes=attributes, overwrite=True)


def write_series(path: Path, axes: str, images: dict[str, np.ndarray], version: str = "0.5") -> None:
    """The bioformats2raw layout."""
    group_of(path, {"bioformats2raw.layout": 3}, version)
    group_of(path / "OME", {"series": list(images)}, version)
    for name, values in images.items():
        write_image(path / name, axes, values, version=version)


def write_plate(path: Path, axes: str, wells: dict[str, dict[str, np.ndarray]], version: str = "0.5") -> None:
    """A plate; `wells` maps "A/1" to its images."""
    rows = sorted({well.split("/")[0] for well in wells})
    columns = sorted({well.split("/")[1] for well in wells})
    own_version = {} if version == "0.6" else {"version": version}
    plate = {
        **own_version,
        "name": "plate",
        "field_count": max(len(images) for images in wells.values()),
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {"path": well, "rowIndex": rows.index(well.split("/")[0]), "columnIndex": columns.index(well.split("/")[1])}
            for well in wells
        ],
    }
    group_of(path, {"plate": plate}, version)
    for row in rows:
        group_of(path / row, {}, version)
    for well, images in wells.items():
        group_of(path / well, {"well": {**own_version, "images": [{"path": name} for name in images]}}, version)
        for name, values in images.items():
            write_image(path / well / name, axes, values, version=version)
