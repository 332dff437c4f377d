"""compare_image tells equal from different; fetch_images keeps only what is whole."""

from __future__ import annotations

from pathlib import Path

import fetch_images
import numpy as np
import pytest
import tifffile
import zarr
from compare_image import compare
from make_store import pixels, write_image


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    values = pixels((5, 32, 48), "uint16")
    store, tiff = tmp_path / "image.ome.zarr", tmp_path / "image.tif"
    write_image(store, "zyx", values, chunks=(1, 16, 16), shards=(5, 32, 48))
    tifffile.imwrite(tiff, values)
    return store, tiff


def test_equal_images_are_equal(pair: tuple[Path, Path]) -> None:
    assert compare(*pair, "0") is None


def test_dimensions_of_length_one_do_not_matter(tmp_path: Path) -> None:
    values = pixels((1, 32, 48), "uint16")
    write_image(tmp_path / "image.ome.zarr", "tyx", values)
    tifffile.imwrite(tmp_path / "image.tif", values[0])
    assert compare(tmp_path / "image.ome.zarr", tmp_path / "image.tif", "0") is None


def test_one_different_pixel_is_named(pair: tuple[Path, Path]) -> None:
    array = zarr.open_array(pair[0] / "0", mode="r+")
    array[4, 3, 2] = 1
    said = compare(*pair, "0")
    assert said and "pixel [4, 3, 2]" in said and "got 1" in said


def test_another_shape_or_dtype_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    store, _ = pair
    tifffile.imwrite(tmp_path / "short.tif", pixels((4, 32, 48), "uint16"), photometric="minisblack")
    tifffile.imwrite(tmp_path / "bytes.tif", pixels((5, 32, 48), "uint8"))
    assert "shape" in (compare(store, tmp_path / "short.tif", "0") or "")
    assert "dtype" in (compare(store, tmp_path / "bytes.tif", "0") or "")


def test_a_damaged_image_is_fetched_again_and_a_whole_one_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = np.arange(100, dtype=np.uint8).tobytes()
    monkeypatch.setattr(fetch_images, "IMAGES", {"a.tif": fetch_images.sha256(content)})
    image = tmp_path / "a.tif"
    assert not fetch_images.whole(image)
    image.write_bytes(content[:-1])
    assert not fetch_images.whole(image)
    image.write_bytes(content)
    assert fetch_images.whole(image)
