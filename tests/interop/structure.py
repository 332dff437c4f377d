"""What an OME-Zarr store says it contains, read from the bare JSON, and the rules that the validators miss.

Covers OME-NGFF 0.4, 0.5 and 0.6: one image, the bioformats2raw layout, plates. Sources: the specification's
sections on multiscales, plate, well and bioformats2raw.layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readers import metadata_of


class Wrong(Exception):
    """A store that breaks a rule; the message names the place, what is there and what belongs there."""


@dataclass
class Layout:
    """A store's own account of itself; all paths relative to the store, "" for its root."""

    version: str
    kind: str
    """image, bioformats2raw or plate"""
    images: list[str]
    wells: dict[str, list[str]] = field(default_factory=dict)
    """path of a well -> paths of its images"""


def ome(store: Path, path: str) -> tuple[int, dict[str, Any]]:
    """(zarr format, OME metadata) of a group: `attributes.ome` from 0.5 on, the attributes themselves in 0.4."""
    zarr_format, document = metadata_of(store / path)
    if document.get("node_type") != "group":
        raise Wrong(f"{path or 'the root'} is a {document.get('node_type')!r}, expected a group")
    attributes = document.get("attributes") or {}
    return zarr_format, attributes if zarr_format == 2 else attributes.get("ome") or {}


def join(parent: str, child: str) -> str:
    return f"{parent}/{child}" if parent else child


def layout(store: Path) -> Layout:
    """Finds version, kind and images from the metadata alone. A plate wins over bioformats2raw."""
    zarr_format, root = ome(store, "")
    version = "0.4" if zarr_format == 2 else root.get("version")
    if version not in ("0.4", "0.5", "0.6"):
        raise Wrong(f"the root's ome.version is {version!r}, expected 0.4, 0.5 or 0.6")
    if "plate" in root:
        wells = {}
        for well in root["plate"].get("wells", []):
            _, at_well = ome(store, well["path"])
            images = at_well.get("well", {}).get("images", [])
            wells[well["path"]] = [join(well["path"], image["path"]) for image in images]
        return Layout(version, "plate", [p for images in wells.values() for p in images], wells)
    if "multiscales" in root:
        return Layout(version, "image", [""])
    if "bioformats2raw.layout" in root:
        _, series = ome(store, "OME")
        return Layout(version, "bioformats2raw", list(series.get("series") or []))
    raise Wrong(f"the root holds neither multiscales, plate nor bioformats2raw.layout, but {sorted(root)}")


def multiscales(store: Path, path: str) -> dict[str, Any]:
    """The first multiscales entry of an image group."""
    _, at_image = ome(store, path)
    entries = at_image.get("multiscales")
    if not entries:
        raise Wrong(f"image {path!r} has no multiscales")
    return entries[0]


def axes_of(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Axes of a multiscales entry; from 0.6 they live in the coordinate system that the datasets map into."""
    systems = entry.get("coordinateSystems")
    if systems is None:
        return entry.get("axes") or []
    output = entry["datasets"][0]["coordinateTransformations"][0].get("output", {})
    name = output.get("name") if isinstance(output, dict) else output
    for system in systems:
        if system.get("name") == name:
            return system["axes"]
    raise Wrong(f"datasets map into coordinate system {name!r}; there are {[s.get('name') for s in systems]}")


def placement(dataset: dict[str, Any], ndim: int) -> tuple[list[float], list[float]]:
    """(scale, translation) of a dataset, identity where absent."""
    scale, translation = [1.0] * ndim, [0.0] * ndim
    steps = list(dataset.get("coordinateTransformations") or [])
    if len(steps) == 1 and steps[0].get("type") == "sequence":
        steps = steps[0]["transformations"]
    for step in steps:
        if step.get("type") == "scale":
            scale = step["scale"]
        elif step.get("type") == "translation":
            translation = step["translation"]
    return scale, translation


def in_scene(store: Path, path: str) -> list[float] | None:
    """Where the first pixel of an image lies in the coordinate system of the scene above it; None where it is in none."""
    scene = ome(store, "")[1].get("scene")
    if scene is None:
        return None
    shared = scene["coordinateSystems"][0]
    entry = multiscales(store, path)
    level = entry["datasets"][0]
    axes = axes_of(entry)
    for link in scene["coordinateTransformations"]:
        if link["input"].get("path") != path:
            continue
        if link["input"]["name"] != level["coordinateTransformations"][0]["output"]["name"]:
            raise Wrong(f"scene: {link['input']} is not where the levels of image {path!r} lead to")
        if link["output"] != {"name": shared["name"]} or len(shared["axes"]) != len(axes):
            raise Wrong(f"scene: image {path!r} leads to {link['output']}, expected {shared['name']!r} with as many axes")
        if link["type"] not in ("identity", "scale", "translation", "sequence"):
            raise Wrong(f"scene: a transformation of type {link['type']!r}, which readers need not know")
        point = placement(level, len(axes))[1]
        scale, shift = placement({"coordinateTransformations": [link]}, len(axes))
        return [factor * at + by for factor, at, by in zip(scale, point, shift, strict=True)]
    return None


def check_scene(store: Path, expected: dict[str, list[float]]) -> None:
    """The scene holds exactly these images, each where it is expected (OME-NGFF 0.6, "scene" metadata)."""
    scene = ome(store, "")[1].get("scene")
    if (scene is not None) != bool(expected):
        raise Wrong(f"scene: expected of {sorted(expected)}, the root has {scene}")
    if scene is None:
        return
    listed = [link["input"]["path"] for link in scene["coordinateTransformations"]]
    if sorted(listed) != sorted(expected):
        raise Wrong(f"scene: expected of {sorted(expected)}, it has {listed}")
    for path, place in expected.items():
        if (found := in_scene(store, path)) != place:
            raise Wrong(f"scene: image {path!r} lies at {found}, expected {place}")


def check_image(store: Path, path: str, version: str) -> int:
    """One image: every level exists, agrees in dtype and dimensions, and is named after the axes."""
    zarr_format, at_image = ome(store, path)
    if zarr_format == 3 and at_image.get("version") != version:
        raise Wrong(f"image {path!r}: ome.version {at_image.get('version')!r}, the root says {version!r}")
    entry = multiscales(store, path)
    axes = axes_of(entry)
    names = [axis["name"] for axis in axes]
    first: dict[str, Any] = {}
    datasets = entry.get("datasets") or []
    if not datasets:
        raise Wrong(f"image {path!r}: multiscales without datasets")
    for dataset in datasets:
        key = join(path, dataset["path"])
        level_format, array = metadata_of(store / key)
        where = f"array {key!r}"
        if level_format != zarr_format or array.get("node_type") != "array":
            raise Wrong(f"{where}: Zarr v{level_format} {array.get('node_type')}, expected a Zarr v{zarr_format} array")
        shape = array["shape"]
        if len(shape) != len(axes):
            raise Wrong(f"{where}: shape {shape}, the image has axes {names}")
        if level_format == 3:
            if array.get("dimension_names") != names:
                raise Wrong(f"{where}: dimension_names {array.get('dimension_names')}, expected the axes {names}")
            encoding = array.get("chunk_key_encoding") or {}
            if encoding.get("name") != "default" or encoding.get("configuration", {}).get("separator", "/") != "/":
                raise Wrong(f"{where}: chunk_key_encoding {encoding}, expected default with separator '/'")
            dtype = array["data_type"]
        else:
            if array.get("dimension_separator") != "/":
                raise Wrong(f"{where}: dimension_separator {array.get('dimension_separator')!r}, expected '/'")
            dtype = array["dtype"]
        if not first:
            first = {"dtype": dtype, "shape": shape, "previous": shape}
        if dtype != first["dtype"]:
            raise Wrong(f"{where}: dtype {dtype}, level 0 has {first['dtype']}")
        for axis, size, above, full in zip(axes, shape, first["previous"], first["shape"], strict=True):
            if size > above:
                raise Wrong(f"{where}: shape {shape} is larger than the level before, {first['previous']}")
            if axis.get("type") in ("time", "channel") and size != full:
                raise Wrong(f"{where}: {size} along {axis['name']}, level 0 has {full}: t and c are never reduced")
        first["previous"] = shape
    check_channels(path, at_image, axes, first["shape"])
    return len(datasets)


def check_channels(path: str, at_image: dict[str, Any], axes: list[dict[str, Any]], shape: list[int]) -> None:
    """`omero` describes as many channels as the channel axis is long."""
    channels = (at_image.get("omero") or {}).get("channels")
    sizes = [size for axis, size in zip(axes, shape, strict=True) if axis.get("type") == "channel"]
    expected = sizes[0] if sizes else 1
    if channels is not None and len(channels) != expected:
        raise Wrong(f"image {path!r}: omero has {len(channels)} channels, the channel axis {expected}")


def check_series(store: Path, found: Layout) -> None:
    """bioformats2raw: layout 3, no series twice, no image that the list forgets."""
    zarr_format, root = ome(store, "")
    if root.get("bioformats2raw.layout") != 3:
        raise Wrong(f"bioformats2raw.layout is {root.get('bioformats2raw.layout')!r}, expected 3")
    _, series = ome(store, "OME")
    if zarr_format == 3 and series.get("version") != found.version:
        raise Wrong(f"OME: ome.version {series.get('version')!r}, the root says {found.version!r}")
    if not found.images:
        raise Wrong("OME/series lists no image")
    if len(set(found.images)) != len(found.images):
        raise Wrong(f"OME/series lists an image twice: {found.images}")
    for child in sorted(p.name for p in store.iterdir() if p.is_dir() and p.name != "OME"):
        if child not in found.images and "multiscales" in ome(store, child)[1]:
            raise Wrong(f"image {child!r} exists but OME/series does not list it: {found.images}")


def check_plate(store: Path, found: Layout) -> None:
    """Plate: indices name the row and column of the path, groups exist down to the well, counts agree."""
    _, root = ome(store, "")
    plate = root["plate"]
    rows = [row["name"] for row in plate["rows"]]
    columns = [column["name"] for column in plate["columns"]]
    for what, names in (("rows", rows), ("columns", columns)):
        if len(set(names)) != len(names) or not all(str(n).isalnum() for n in names):
            raise Wrong(f"plate.{what} {names}: must be unique and alphanumeric")
    paths = [well["path"] for well in plate["wells"]]
    if not paths or len(set(paths)) != len(paths):
        raise Wrong(f"plate.wells {paths}: must be unique and not empty")
    acquisitions = {a["id"] for a in plate.get("acquisitions") or []}
    for well in plate["wells"]:
        try:
            expected = f"{rows[well['rowIndex']]}/{columns[well['columnIndex']]}"
        except IndexError:
            expected = f"an index below {len(rows)} and {len(columns)}"
        if well["path"] != expected or min(well["rowIndex"], well["columnIndex"]) < 0:
            raise Wrong(
                f"well {well['path']!r}: rowIndex {well['rowIndex']}, columnIndex {well['columnIndex']}"
                f" point to {expected!r}"
            )
        ome(store, well["path"].split("/")[0])  # the row must be a group
        zarr_format, at_well = ome(store, well["path"])
        if zarr_format == 3 and at_well.get("version") != found.version:
            raise Wrong(f"well {well['path']!r}: ome.version {at_well.get('version')!r}, expected {found.version!r}")
        images = at_well["well"]["images"]
        names = [image["path"] for image in images]
        if not names or len(set(names)) != len(names):
            raise Wrong(f"well {well['path']!r}: images {names}: must be unique and not empty")
        for image in images:
            if len(acquisitions) > 1 and image.get("acquisition") not in acquisitions:
                raise Wrong(
                    f"well {well['path']!r}, image {image['path']!r}: acquisition {image.get('acquisition')!r},"
                    f" the plate has {sorted(acquisitions)}"
                )
    most = max(len(images) for images in found.wells.values())
    if plate.get("field_count", most) != most:
        raise Wrong(f"plate.field_count is {plate['field_count']}, the fullest well has {most} images")


def check_structure(store: Path) -> int:
    """All of the above for a whole store; returns the number of images."""
    found = layout(store)
    if found.kind == "bioformats2raw":
        check_series(store, found)
    elif found.kind == "plate":
        check_plate(store, found)
    for path in found.images:
        check_image(store, path, found.version)
    return len(found.images)
