"""Foreign judges of a store's metadata. Each takes the store and its layout, and raises when it objects."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import warnings
from pathlib import Path

from structure import Layout, Wrong, check_structure, ome


def own(store: Path, found: Layout) -> list[str]:
    """The rules that the others miss."""
    check_structure(store)
    return []


def yaozarrs(store: Path, found: Layout) -> list[str]:
    """Groups and arrays on disk, plates and series included. Returns its warnings (rules that say SHOULD)."""
    from yaozarrs import validate_zarr_store

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        validate_zarr_store(str(store))
    return [str(w.message) for w in caught]


def ome_zarr_models(store: Path, found: Layout) -> list[str]:
    """Each image, well and plate against the model of exactly its kind; warnings count as errors, as in its CLI."""
    import zarr
    from ome_zarr_models.exceptions import ValidationWarning

    models = importlib.import_module(f"ome_zarr_models.v{found.version.replace('.', '')}")
    root = zarr.open_group(store, mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ValidationWarning)
        if found.kind == "plate":
            models.hcs.HCS.from_zarr(root)
            for well in found.wells:
                models.well.Well.from_zarr(root[well])
        for path in found.images:
            models.image.Image.from_zarr(root[path] if path else root)
        if "scene" in ome(store, "")[1]:
            models.scene.Scene.from_zarr(root)
    return []


def ngff_zarr(store: Path, found: Layout) -> list[str]:
    """Bundled JSON schemas and structural rules; reads every image, and a plate well by well."""
    import ngff_zarr as nz
    from ngff_zarr.validate import validate

    def judged(path: str, model: str) -> None:
        _, metadata = ome(store, path)
        validate(metadata if found.version == "0.4" else {"ome": metadata}, version=found.version, model=model)

    if found.kind == "bioformats2raw":
        judged("", "bf2raw")
        judged("OME", "ome")
    if "scene" in ome(store, "")[1]:
        judged("", "scene")
        scene = nz.from_ome_zarr(str(store), kind="scene", validate=True)
        if not set(scene.images) <= set(found.images):
            raise Wrong(f"scene of {sorted(scene.images)}, the store lists {sorted(found.images)}")
    if found.kind == "plate":
        plate = nz.from_hcs_zarr(str(store), validate=True)
        for path, images in found.wells.items():
            judged(path, "well")
            well = plate.get_well(*path.split("/"))
            if well is None:
                raise Wrong(f"well {path!r} is not in the plate as read")
            for index in range(len(images)):
                if well.get_image(index) is None:
                    raise Wrong(f"image {index} of well {path!r} cannot be read")
    for path in found.images:
        nz.from_ngff_zarr(str(store / path), validate=True)
    return []


VALIDATORS = {
    "own": own,
    "yaozarrs": yaozarrs,
    "ome-zarr-models": ome_zarr_models,
    "ngff-zarr": ngff_zarr,
}

ABLE = {
    "own": ("0.4", "0.5", "0.6"),
    "yaozarrs": ("0.4", "0.5"),
    # From 1.8 on, which needs Python 3.12.
    "ome-zarr-models": ("0.4", "0.5", "0.6") if sys.version_info >= (3, 12) else ("0.4", "0.5"),
    "ngff-zarr": ("0.4", "0.5", "0.6"),
}
"""Versions each validator knows."""

DOCUMENTS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")

RIGHT: dict[tuple[str, str], list[str]] = {}
"""By validator and documents: what a validator said that did not object."""


def documents(store: Path) -> str:
    """Stands for all that a validator looks at: every metadata document, and the names of everything but chunks."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(store):
        folders[:] = sorted(name for name in folders if name != "c")
        for name in sorted(files) + folders:
            path = Path(folder, name)
            content = path.read_bytes() if name in DOCUMENTS else b""
            digest.update(f"{path.relative_to(store)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def judge(name: str, store: Path, found: Layout, key: str) -> list[str]:
    """What the validator says; of the same documents, which several engines and cases write, it is asked once."""
    if (name, key) not in RIGHT:
        RIGHT[name, key] = VALIDATORS[name](store, found)
    return RIGHT[name, key]
