"""Stores that others write, one folder each below a folder that is given: what we must never change.

    python make_foreign.py FOLDER

Prints a JSON object, the name of each store with who wrote it. Each writer is a function here; what a version of it
cannot write any more is an error, so that no writer goes missing unseen.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from make_store import image_metadata, pixels, write_image, write_plate, write_series

SHAPE = (3, 2, 16, 20)
VALUES = pixels(SHAPE, "uint16")


def zarr_python_image(path: Path) -> None:
    write_image(path, "tzyx", VALUES, chunks=(1, 1, 8, 10), shards=(1, 2, 16, 20))


def zarr_python_v2(path: Path) -> None:
    write_image(path, "tzyx", VALUES, version="0.4", chunks=(1, 1, 16, 20))
    zarr.consolidate_metadata(path, zarr_format=2)


def zarr_python_plate(path: Path) -> None:
    write_plate(path, "tzyx", {"A/1": {"0": VALUES, "1": VALUES}, "B/2": {"0": VALUES}})


def zarr_python_series(path: Path) -> None:
    write_series(path, "tzyx", {"first": VALUES, "second": VALUES})


def zarr_python_nan(path: Path) -> None:
    """Python's JSON, in the group, in the array and beside it."""
    write_image(path, "tzyx", VALUES.astype("float32"))
    zarr.open_group(path, mode="a").attrs["background"] = {"mean": float("nan"), "most": float("inf")}
    zarr.open_array(path / "0", mode="a").attrs["least"] = float("-inf")
    (path / "notes").mkdir()
    (path / "notes" / "thesis.txt").write_text("years of work")


def zarr_python_labels(path: Path) -> None:
    """Labels, an index at the start of each shard, codecs that we do not write, and metadata consolidated at the root."""
    write_image(path, "tzyx", VALUES)
    root = zarr.open_group(path, mode="a")
    labels = root.create_group("labels", attributes={"ome": {"version": "0.5", "labels": ["cells"]}})
    cells = labels.create_group("cells", attributes=image_metadata("tzyx", "0.5"))
    codec = zarr.codecs.ShardingCodec(
        chunk_shape=(1, 1, 8, 10),
        codecs=[zarr.codecs.TransposeCodec(order=(3, 2, 1, 0)), zarr.codecs.BytesCodec(endian="big"), zarr.codecs.Crc32cCodec()],
        index_location="start",
    )
    array = cells.create_array(
        "0", shape=SHAPE, dtype="int32", chunks=(1, 2, 16, 20), serializer=codec, compressors=None, fill_value=-1
    )
    array[0] = 7
    zarr.consolidate_metadata(path)


def zarr_python_strange(path: Path) -> None:
    """Other keys, other types, nothing of OME, and a text with half of a character."""
    root = zarr.create_group(path, attributes={"half": "\ud800", "numbers": [1e300, 2**70]})
    keys = {"name": "v2", "separator": "."}
    root.create_array("0", shape=(5,), chunks=(2,), dtype="float64", fill_value=float("nan"), chunk_key_encoding=keys)
    root.create_array("1", shape=(4, 4), chunks=(2, 2), dtype="complex64")[...] = 1j
    root.create_array("text", shape=(3,), dtype="U8")[...] = np.array(["a", "b", "c"])
    (path / "unfinished.part").write_bytes(b"half")


def linked(path: Path) -> None:
    """As git-annex and dvc keep large files: everything is a link into another folder."""
    content = path.with_name(path.name + ".content")
    write_image(content, "tzyx", VALUES, chunks=(1, 1, 16, 20))
    for file in sorted(each for each in content.rglob("*") if each.is_file()):
        link = path / file.relative_to(content)
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to(file)
        except OSError:  # Windows without the right to make links
            link.write_bytes(file.read_bytes())


def tensorstore_image(path: Path) -> None:
    import tensorstore

    spec: dict[str, Any] = {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": str(path / "0")},
        "metadata": {
            "shape": list(SHAPE),
            "data_type": "uint16",
            "dimension_names": list("tzyx"),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 2, 16, 20]}},
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {"chunk_shape": [1, 1, 8, 20], "codecs": [{"name": "bytes"}, {"name": "zstd"}]},
                }
            ],
        },
    }
    tensorstore.open(spec, create=True).result()[...] = VALUES
    zarr.create_group(path, attributes=image_metadata("tzyx", "0.5"), overwrite=False)


def acquire_zarr(path: Path) -> None:
    import acquire_zarr as aqz

    def dimension(name: str, kind: Any, size: int, chunk: int, shard: int) -> Any:
        return aqz.Dimension(name=name, kind=kind, array_size_px=size, chunk_size_px=chunk, shard_size_chunks=shard)

    kinds = aqz.DimensionType
    dimensions = [
        dimension("t", kinds.TIME, 0, 1, 2),
        dimension("z", kinds.SPACE, SHAPE[1], 1, 2),
        dimension("y", kinds.SPACE, SHAPE[2], 8, 2),
        dimension("x", kinds.SPACE, SHAPE[3], 10, 2),
    ]
    array = aqz.ArraySettings(dimensions=dimensions, data_type=np.uint16)
    stream = aqz.ZarrStream(aqz.StreamSettings(store_path=str(path), arrays=[array], overwrite=True))
    for frame in VALUES.reshape(-1, *SHAPE[2:]):
        stream.append(np.ascontiguousarray(frame))
    stream.close()


def ome_writers(backend: str) -> Any:
    def write(path: Path) -> None:
        from ome_writers import AcquisitionSettings, Dimension, OmeZarrFormat, create_stream

        dimensions = [
            Dimension(name="t", count=SHAPE[0], type="time", chunk_size=1),
            Dimension(name="z", count=SHAPE[1], type="space", chunk_size=1, scale=0.5, unit="micrometer"),
            Dimension(name="y", count=SHAPE[2], type="space", chunk_size=16, scale=0.1, unit="micrometer"),
            Dimension(name="x", count=SHAPE[3], type="space", chunk_size=20, scale=0.1, unit="micrometer"),
        ]
        settings = AcquisitionSettings(
            root_path=str(path), dimensions=dimensions, dtype="uint16", format=OmeZarrFormat(backend=backend)
        )
        with create_stream(settings) as stream:
            for frame in VALUES.reshape(-1, *SHAPE[2:]):
                stream.append(np.ascontiguousarray(frame))

    return write


def ngff_zarr(version: str) -> Any:
    def write(path: Path) -> None:
        import ngff_zarr as nz

        image = nz.to_ngff_image(VALUES, dims=tuple("tzyx"), scale={"z": 2.0, "y": 0.5, "x": 0.5})
        multiscales = nz.to_multiscales(image, scale_factors=[], chunks=16)
        nz.to_ngff_zarr(str(path), multiscales, version=version)

    return write


def yaozarrs(path: Path) -> None:
    from yaozarrs import v05
    from yaozarrs.write.v05 import write_image as write

    axes = [v05.SpaceAxis(name=name, unit="micrometer") for name in "zyx"]
    scale = v05.ScaleTransformation(scale=[2.0, 0.5, 0.5])
    dataset = v05.Dataset(path="0", coordinateTransformations=[scale])
    image = v05.Image(multiscales=[v05.Multiscale(name="image", axes=axes, datasets=[dataset])])
    write(str(path), image, VALUES[0])


def pydantic_zarr(path: Path) -> None:
    from pydantic_zarr.v3 import ArraySpec, GroupSpec

    codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
    array = ArraySpec.from_array(VALUES, codecs=codecs, dimension_names=tuple("tzyx"))
    group = GroupSpec(attributes=image_metadata("tzyx", "0.5"), members={"0": array})
    store = zarr.storage.LocalStore(path)
    group.to_zarr(store, path="")
    zarr.open_array(store, path="0", mode="a")[...] = VALUES


def ome_zarr_py(version: str) -> Any:
    def write(path: Path) -> None:
        from ome_zarr.format import FormatV04, FormatV05
        from ome_zarr.writer import write_image as write_ngff
        from ome_zarr.writer import write_labels

        form = FormatV04() if version == "0.4" else FormatV05()
        group = zarr.open_group(path, mode="w", zarr_format=form.zarr_format)
        write_ngff(VALUES, group, axes="tzyx", fmt=form, scaler=None)
        write_labels(VALUES.astype("uint8"), group, name="cells", axes="tzyx", fmt=form, scaler=None)

    return write


STORES: dict[str, tuple[str, Any]] = {
    "image.zarr": ("zarr-python", zarr_python_image),
    "v2.zarr": ("zarr-python, format 2", zarr_python_v2),
    "plate.ome.zarr": ("zarr-python", zarr_python_plate),
    "series.ome.zarr": ("zarr-python", zarr_python_series),
    "nan.zarr": ("zarr-python", zarr_python_nan),
    "labels.zarr": ("zarr-python", zarr_python_labels),
    "strange.zarr": ("zarr-python", zarr_python_strange),
    "linked.zarr": ("zarr-python", linked),
    "tensorstore.zarr": ("TensorStore", tensorstore_image),
    "acquire.zarr": ("acquire-zarr", acquire_zarr),
    "writers-acquire.ome.zarr": ("ome-writers on acquire-zarr", ome_writers("acquire-zarr")),
    "writers-tensorstore.ome.zarr": ("ome-writers on TensorStore", ome_writers("tensorstore")),
    "writers-zarr.ome.zarr": ("ome-writers on zarr-python", ome_writers("zarr-python")),
    "ngff-zarr.ome.zarr": ("ngff-zarr", ngff_zarr("0.5")),
    "ngff-zarr-v2.ome.zarr": ("ngff-zarr, format 2", ngff_zarr("0.4")),
    "yaozarrs.ome.zarr": ("yaozarrs", yaozarrs),
    "pydantic.zarr": ("pydantic-zarr", pydantic_zarr),
    "ome-zarr-py.zarr": ("ome-zarr-py", ome_zarr_py("0.5")),
    "ome-zarr-py-v2.zarr": ("ome-zarr-py, format 2", ome_zarr_py("0.4")),
}


def main() -> None:
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    for name, (_, write) in STORES.items():
        write(folder / name)
        assert any((folder / name).iterdir()), name
    print(json.dumps({name: writer for name, (writer, _) in STORES.items()}))


if __name__ == "__main__":
    main()
