"""Levels made by hand pass, and a wrong one is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from levels import check_levels, plane
from make_store import write_image
from structure import Wrong

WINDOW = np.array([[[1, 2, 9], [4, 5, 9]], [[1, 3, 7], [1, 4, 8]]])


@pytest.mark.parametrize(
    ("method", "expected"),
    [("mean", [3, 8]), ("min", [1, 7]), ("max", [5, 9]), ("median", [2, 8]), ("mode", [1, 9]), ("nearest", [1, 9])],
)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_methods_are_what_a_person_makes(method: str, expected: list[int], dtype: str) -> None:
    if method == "mode" and dtype == "float32":
        return
    made = plane(WINDOW.astype(dtype), method, (2, 2))
    # The means are 2.625 and 8.25, the medians 2.5 and 8.5.
    if dtype == "float32":
        expected = {"mean": [2.625, 8.25], "median": [2.5, 8.5]}.get(method, expected)
    assert made.tolist() == [expected]
    assert made.dtype == dtype


def test_sums_do_not_overflow_and_halves_become_even() -> None:
    most = np.full((1, 1, 2), 2**64 - 1, np.uint64)
    assert plane(most, "mean", (1, 2)).tolist() == [[2**64 - 1]]
    assert plane(np.array([[[-1, -2]]], np.int32), "mean", (1, 2)).tolist() == [[-2]]
    assert plane(np.array([[[1, 2], [2, 2]]], np.uint8), "mean", (2, 2)).tolist() == [[2]]


def test_what_is_no_number_stays_none() -> None:
    pixels = np.array([[[1, np.nan, 3, 4]]], np.float16)
    for method in ("mean", "min", "max", "median"):
        made = plane(pixels, method, (1, 2))
        assert np.isnan(made[0, 0]) and not np.isnan(made[0, 1]), method
    assert plane(pixels, "nearest", (1, 2)).tolist() == [[1, 3]]


def pyramid(path: Path, values: np.ndarray, level: np.ndarray) -> None:
    """An image with a level of windows of 2 x 2 x 2."""
    write_image(path, "zyx", values)
    document = json.loads((path / "zarr.json").read_bytes())
    entry = document["attributes"]["ome"]["multiscales"][0]
    (scale, move) = entry["datasets"][0]["coordinateTransformations"]
    smaller = {"type": "scale", "scale": [2 * size for size in scale["scale"]]}
    place = [at + size / 2 for at, size in zip(move["translation"], scale["scale"], strict=True)]
    moved = {"type": "translation", "translation": place}
    entry["datasets"].append({"path": "1", "coordinateTransformations": [smaller, moved]})
    entry["type"] = "mean"
    (path / "zarr.json").write_text(json.dumps(document))
    zarr.open_group(path, mode="r+").create_array("1", data=level, dimension_names=["z", "y", "x"])


def test_a_wrong_pixel_and_a_wrong_place_are_named(tmp_path: Path) -> None:
    values = np.zeros((3, 2, 3), np.uint16)
    # The first plane did not come; the second and the third did.
    values[1] = [[1, 2, 9], [4, 5, 9]]
    values[2] = 7
    level = np.array([[[3, 9]], [[7, 7]]], np.uint16)
    pyramid(tmp_path / "right", values, level)
    assert check_levels(tmp_path / "right", "", "zarr-python") == 4
    came = np.array([True, True, True])
    with pytest.raises(Wrong, match=r"pixel \[0, 0, 0\]: expected 2, got 3"):
        check_levels(tmp_path / "right", "", "zarr-python", came)
    level[1, 0, 1] = 8
    pyramid(tmp_path / "wrong", values, level)
    with pytest.raises(Wrong, match=r"level 1, mean of \[2, 2, 2\]: pixel \[1, 0, 1\]: expected 7, got 8"):
        check_levels(tmp_path / "wrong", "", "tensorstore")
    text = (tmp_path / "right/zarr.json").read_text()
    (tmp_path / "right/zarr.json").write_text(text.replace("123457.039", "123456.789"))
    with pytest.raises(Wrong, match="lies at"):
        check_levels(tmp_path / "right", "", "zarr-python")
