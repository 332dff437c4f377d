"""Programs that open a store for a person: each must find every image, in full. Absent ones are left out, and said so:
they need a Python that has them (see `requirements.txt`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from readers import metadata_of
from structure import Layout, Wrong, axes_of, in_scene, join, multiscales, ome, placement


def sizes(store: Path, path: str) -> list[tuple[int, ...]]:
    """Shape of each level of an image, by its metadata."""
    levels = [level["path"] for level in multiscales(store, path)["datasets"]]
    return [tuple(metadata_of(store / join(path, level))[1]["shape"]) for level in levels]


def by_channel(store: Path, path: str) -> list[list[tuple[int, ...]]]:
    """Shapes of an image's layers in napari, level by level: one layer for each channel."""
    shapes = [list(shape) for shape in sizes(store, path)]
    kinds = [axis.get("type") for axis in axes_of(multiscales(store, path))]
    count = {shape.pop(kinds.index("channel")) for shape in shapes}.pop() if "channel" in kinds else 1
    return [[tuple(shape) for shape in shapes]] * count


def napari(store: Path, found: Layout) -> None:
    """The reader of napari's plugin napari-ome-zarr."""
    from napari_ome_zarr import napari_get_reader

    read = napari_get_reader(str(store))
    if read is None:
        raise Wrong("napari-ome-zarr does not take it for a store")
    layers = [layer for layer in read(str(store)) if layer[0]]
    if found.kind == "plate":
        if not layers:
            raise Wrong("no layer")
        return
    shapes = [[tuple(level.shape) for level in layer[0]] for layer in layers]
    expected = [layer for path in found.images for layer in by_channel(store, path)]
    if shapes != expected:
        raise Wrong(f"layers: expected {expected}, got {shapes}")


def ome_zarr_py(store: Path, found: Layout) -> None:
    """The reader of ome-zarr-py, image by image."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    if "scene" in ome(store, "")[1]:
        composed(store)

    for path in found.images:
        location = parse_url(str(store / path))
        if location is None:
            raise Wrong(f"{path!r} is no location for ome-zarr-py")
        shapes = [[tuple(level.shape) for level in node.data] for node in Reader(location)() if node.data]
        if shapes != [sizes(store, path)]:
            raise Wrong(f"{path!r}: expected {sizes(store, path)}, got {shapes}")


def composed(store: Path) -> None:
    """ome-zarr-py takes the first pixel of each image in a scene to where the image says that it lies."""
    from ome_zarr.classes import OMEZarrScene

    scene = OMEZarrScene.from_ome_zarr(str(store))
    shared = ("", scene.coordinate_systems[0].name)
    for path, image in scene.images.items():
        system = image.metadata.datasets[0].coordinateTransformations[0].output.name
        entry = multiscales(store, path)
        place = placement(entry["datasets"][0], len(axes_of(entry)))[1]
        found = scene._graph.get_sequence((path, system), shared).apply(np.array([place]))[0]
        if list(found) != list(in_scene(store, path) or []):
            raise Wrong(f"scene: image {path!r} lies at {list(found)}, expected {in_scene(store, path)}")


MODULES = {"napari-ome-zarr": "napari_ome_zarr", "ome-zarr-py": "ome_zarr"}
OPENERS: dict[str, Any] = {
    name: opener
    for name, opener in (("napari-ome-zarr", napari), ("ome-zarr-py", ome_zarr_py))
    if importlib.util.find_spec(MODULES[name])
}


def can_open(name: str, store: Path, found: Layout) -> bool:
    """ome-zarr-py knows 0.6 where there is napari-ome-zarr (Python 3.12). napari-ome-zarr finds the images of a series
    by their IDs in OME-XML, which has no white space in an ID and no words for axes beyond x, y, z, c and t (then there
    is no document)."""
    if name == "ome-zarr-py":
        return found.version != "0.6" or "napari-ome-zarr" in OPENERS
    if found.kind == "plate":
        # It lays the fields side by side in one image.
        return len({tuple(sizes(store, path)) for path in found.images}) == 1
    if found.kind != "bioformats2raw":
        return True
    return (store / "OME/METADATA.ome.xml").is_file() and not any(" " in path for path in found.images)
