"""Writes the settings files of this folder with the real ome-writers (0.3.2): `python make.py`."""

from pathlib import Path

from ome_writers import (
    AcquisitionSettings,
    Channel,
    Dimension,
    Plate,
    Position,
    dims_from_standard_axes,
)
from pydantic_extra_types.color import COLORS_BY_NAME, Color

FRAME = [
    Dimension(name="y", count=512, type="space", unit="um", scale=0.325),
    Dimension(name="x", count=640, type="space", unit="um", scale=0.325),
]

CASES = {
    "unbounded_time_lapse": dict(
        root_path="run/time_lapse.ome.zarr",
        dimensions=[
            Dimension(name="t", count=None, type="time", unit="ms", scale=50, chunk_size=4),
            Dimension(
                name="c",
                type="channel",
                coords=[
                    Channel(
                        name="GFP",
                        excitation_wavelength_nm=488,
                        emission_wavelength_nm=509,
                        fluorophore="EGFP",
                        color="#12ab34",
                    ),
                    "brightfield",
                ],
            ),
            *FRAME,
        ],
        dtype="uint16",
        compression="blosc-zstd",
    ),
    "grid_of_positions": dict(
        root_path="grid.zarr",
        dimensions=[
            Dimension(name="t", count=3, type="time"),
            Dimension(
                name="p",
                type="position",
                coords=[
                    Position(name="tile", grid_row=0, grid_column=0, x_coord=123456.789, y_coord=-0.5),
                    Position(name="tile", grid_row=0, grid_column=1, z_coord=7.25),
                    "overview",
                ],
            ),
            Dimension(name="z", count=5, type="space", unit="micron", scale=1.5, translation=-3.0),
            *FRAME,
        ],
        dtype=">f4",
        overwrite=True,
        storage_order="acquisition",
        format="zarrs-python",
    ),
    "sharded_stack": dict(
        root_path="stack",
        dimensions=dims_from_standard_axes(
            {"t": 40, "z": 10, "y": 256, "x": 256},
            chunk_shapes={"t": 1, "z": 1, "y": 64, "x": 64},
            shard_shapes={"t": 10, "z": 5, "y": 4, "x": 4},
        ),
        dtype="uint8",
        compression="blosc-lz4",
        format="tensorstore",
    ),
    "custom_order": dict(
        root_path="/data/custom.ome.zarr",
        dimensions=[
            Dimension(name="p", count=2, type="position"),
            Dimension(name="angle", count=4, type="other", unit="degree", coords=[0, 45, 90, 135.5]),
            Dimension(name="t", count=2, type="time"),
            *FRAME,
        ],
        dtype="int32",
        compression="zstd",
        storage_order=["t", "p", "angle", "y", "x"],
        format={"name": "ome-zarr", "backend": "zarr-python"},
    ),
    "bare_names": dict(
        root_path="bare.ome.zarr",
        dimensions=[
            Dimension(name="T", count=2),
            Dimension(name="C", count=2),
            Dimension(name="Z", count=2),
            Dimension(name="Y", count=8),
            Dimension(name="X", count=8),
        ],
        dtype="float64",
        compression="none",
    ),
    "well_plate": dict(
        root_path="plate.ome.zarr",
        dimensions=[
            Dimension(
                name="p",
                type="position",
                coords=[
                    Position(name="0", plate_row="A", plate_column="1"),
                    Position(name="0", plate_row="B", plate_column="12"),
                ],
            ),
            *FRAME,
        ],
        dtype="uint16",
        plate=Plate.from_standard_wells(96),
    ),
    "tiff": dict(root_path="image.ome.tiff", dimensions=FRAME, dtype="uint16"),
    # Each channel is named for the hexadecimal form of its color, which the file holds by its CSS name.
    "every_named_color": dict(
        root_path="colors.ome.zarr",
        dimensions=[
            Dimension(
                name="c",
                type="channel",
                coords=[
                    Channel(name=Color(rgb).as_hex("long"), color=rgb)
                    for rgb in sorted(set(COLORS_BY_NAME.values()))
                ],
            ),
            *FRAME,
        ],
        dtype="uint16",
    ),
}

for name, fields in CASES.items():
    fields.setdefault("format", "auto")
    text = AcquisitionSettings(**fields).model_dump_json(indent=1)
    Path(__file__).with_name(f"{name}.json").write_text(text + "\n")
