"""check_store passes what is right, and names what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import validators
import zarr
from check_store import answer, report_on
from make_store import pixels, write_image, write_plate, write_series
from openers import OPENERS
from pixels import frame_pixels

SHAPE = (4, 3, 32, 48)
SHARDED = {"chunks": (1, 1, 16, 16), "shards": (2, 3, 32, 48)}
HERE = Path(__file__).parent


def position(path: str = "", shape: tuple[int, ...] = SHAPE, axes: str = "tzyx", **more: Any) -> dict[str, Any]:
    return {
        "path": path,
        "shape": list(shape),
        "dtype": "uint16",
        "axes": list(axes),
        "expect": {"kind": "coords"},
        **more,
    }


def failures(store: Path, *positions: dict[str, Any], **more: Any) -> list[str]:
    report = report_on({"path": str(store), "positions": list(positions), **more})
    assert report["ok"] == (not report["failures"])
    return report["failures"]


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    store = tmp_path / "good.ome.zarr"
    write_image(store, "tzyx", pixels(SHAPE, "uint16"), **SHARDED)
    return store


def test_pixels_are_the_documented_numbers() -> None:
    for dtype, bits in (("uint8", 8), ("uint16", 16), ("uint32", 32), ("uint64", 64), ("float16", 11), ("float64", 20)):
        got = frame_pixels(dtype, np.array([0, 5, 70000]), 3, 4)
        for i, n in enumerate((0, 5, 70000)):
            for y in range(3):
                for x in range(4):
                    assert got[i, y, x] == (n * 7919 + y * 131 + x * 17 + 1) % 2**bits, (dtype, n, y, x)
    signed = frame_pixels("int8", np.array([0]), 2, 8)
    assert signed.dtype == np.int8
    assert signed[0, 1, 0] == (131 + 1) - 256


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint32", "int64", "uint64", "float16", "float32", "float64"]
)
def test_every_dtype_passes(tmp_path: Path, dtype: str) -> None:
    store = tmp_path / f"{dtype}.ome.zarr"
    write_image(store, "tyx", pixels((3, 20, 30), dtype), chunks=(1, 20, 16))
    assert failures(store, position(shape=(3, 20, 30), axes="tyx", dtype=dtype)) == []


def test_a_right_sharded_store_passes_every_reader_and_validator(good: Path) -> None:
    exact = position(scale=[0.5] * 4, translation=[0.0, 0.0, 0.0, 123456.789], levels=1)
    report = report_on({"path": str(good), "positions": [exact]})
    assert report["failures"] == []
    ran = [check["check"] for check in report["stores"][0]["checks"]]
    assert ran == [
        "layout", "images", "own", "yaozarrs", "ome-zarr-models", "ngff-zarr", *OPENERS, "metadata", "zarr-python",
        "tensorstore",
    ]  # fmt: skip
    assert {c["pixels"] for c in report["stores"][0]["checks"] if "pixels" in c} == {4 * 3 * 32 * 48}


def test_frames_that_never_came_read_as_fill_value(tmp_path: Path) -> None:
    frames = [5, None, 0, 3, None, 1, 2, 4, 11, 10, None, 9]
    store = tmp_path / "holes.ome.zarr"
    write_image(store, "tzyx", pixels(SHAPE, "uint16", frames), **SHARDED)
    assert failures(store, position(expect={"kind": "coords", "frames": frames})) == []
    swapped = [frames[2], frames[1], frames[0], *frames[3:]]
    assert len(failures(store, position(expect={"kind": "coords", "frames": swapped}))) == 2


def test_a_raw_file_is_compared_in_full(good: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.bin"
    values = pixels(SHAPE, "uint16")
    values.astype("<u2").tofile(raw)
    assert failures(good, position(expect={"kind": "raw", "file": str(raw)})) == []
    values[3, 2, 31, 47] += 1
    values.astype("<u2").tofile(raw)
    found = failures(good, position(expect={"kind": "raw", "file": str(raw)}))
    assert len(found) == 2 and all("pixel [3, 2, 31, 47]" in f for f in found)


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
def test_every_version_of_one_image_passes(tmp_path: Path, version: str) -> None:
    store = tmp_path / "image.ome.zarr"
    write_image(store, "tzyx", pixels(SHAPE, "uint16"), version=version, chunks=(1, 1, 32, 48))
    assert failures(store, position(translation=[0.0, 0.0, 0.0, 123456.789])) == []


def test_a_plain_two_dimensional_image_passes(tmp_path: Path) -> None:
    store = tmp_path / "flat.ome.zarr"
    write_image(store, "yx", pixels((32, 48), "uint16", [7]))
    flat = position(shape=(32, 48), axes="yx", expect={"kind": "coords", "frames": [7]})
    assert failures(store, flat) == []
    assert len(failures(store, {**flat, "expect": {"kind": "coords", "frames": [8]}})) == 2


def test_one_wrong_pixel_is_named(good: Path) -> None:
    array = zarr.open_array(good / "0", mode="r+")
    array[2, 1, 30, 5] = 7
    found = failures(good, position(), validators=[])
    assert len(found) == 2
    for reader, failure in zip(("zarr-python", "tensorstore"), found, strict=True):
        assert failure.startswith(f"{good}: {reader} '0': pixel [2, 1, 30, 5]: expected 59449, got 7 (1 of")


def test_a_missing_chunk_is_noticed(tmp_path: Path) -> None:
    store = tmp_path / "lost.ome.zarr"
    write_image(store, "tzyx", pixels(SHAPE, "uint16"), chunks=(1, 1, 16, 16))
    (store / "0/c/3/0/0/0").unlink()
    found = failures(store, position())
    assert len(found) == 2 and all("pixel [3, 0, 0, 0]" in f and "got 0" in f for f in found)


def test_a_corrupt_shard_index_is_noticed_by_both_readers(good: Path) -> None:
    shard = good / "0/c/1/0/0/0"
    data = bytearray(shard.read_bytes())
    data[-10] ^= 1
    shard.write_bytes(data)
    found = failures(good, position())
    assert [f.split(": ")[1].split()[0] for f in found] == ["zarr-python", "tensorstore"]


def test_a_torn_shard_is_noticed_by_both_readers(good: Path) -> None:
    shard = good / "0/c/0/0/0/0"
    shard.write_bytes(shard.read_bytes()[:-100])
    assert len(failures(good, position())) == 2


def test_wrong_dimension_names_are_noticed(good: Path) -> None:
    edit(good / "0/zarr.json", lambda m: m.update(dimension_names=["z", "t", "y", "x"]))
    found = failures(good, position())
    assert {"own", "zarr-python", "tensorstore"} <= {f.split(": ")[1].split()[0] for f in found}


def test_absent_dimension_names_are_noticed(good: Path) -> None:
    edit(good / "0/zarr.json", lambda m: m.pop("dimension_names"))
    found = failures(good, position())
    assert {"own", "zarr-python", "tensorstore"} <= {f.split(": ")[1].split()[0] for f in found}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", [4, 3, 32, 47]),
        ("dtype", "int16"),
        ("scale", [1.0, 0.5, 0.5, 0.5]),
        ("translation", [0.0, 0.0, 0.0, 123456.79]),
        ("units", ["second", "micrometer", "micrometer", "nanometer"]),
        ("channels", ["GFP"]),
        ("levels", 2),
        ("level", "1"),
    ],
)
def test_what_was_not_expected_is_noticed(good: Path, field: str, value: Any) -> None:
    found = failures(good, position(**{field: value}))
    assert found and any("expected" in f or "not among" in f for f in found)


def test_a_level_of_another_dtype_is_noticed(good: Path) -> None:
    shutil.copytree(good / "0", good / "1")
    edit(good / "1/zarr.json", lambda m: m.update(data_type="int16"))

    def second(root: dict[str, Any]) -> None:
        datasets = root["attributes"]["ome"]["multiscales"][0]["datasets"]
        datasets.append({**datasets[0], "path": "1"})

    edit(good / "zarr.json", second)
    found = failures(good, position())
    assert any("own: array '1': dtype int16, level 0 has uint16" in f for f in found)


def series(tmp_path: Path, version: str = "0.5") -> tuple[Path, list[dict[str, Any]]]:
    store = tmp_path / "series.ome.zarr"
    numbers = {"0": list(range(0, 24, 2)), "1": list(range(1, 24, 2))}
    write_series(store, "tzyx", {name: pixels(SHAPE, "uint16", n) for name, n in numbers.items()}, version)
    return store, [position(name, expect={"kind": "coords", "frames": n}) for name, n in numbers.items()]


def plate(tmp_path: Path, version: str = "0.5") -> tuple[Path, list[dict[str, Any]]]:
    store = tmp_path / "plate.ome.zarr"
    values = pixels(SHAPE, "uint16")
    write_plate(store, "tzyx", {"A/1": {"0": values, "1": values}, "B/2": {"0": values}}, version)
    return store, [position(p) for p in ("A/1/0", "A/1/1", "B/2/0")]


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.6"])
@pytest.mark.parametrize("write", [series, plate])
def test_several_positions_pass_in_every_version(tmp_path: Path, write: Callable[..., Any], version: str) -> None:
    store, wanted = write(tmp_path, version)
    assert failures(store, *wanted) == []


def test_an_unlisted_or_unexpected_image_is_noticed(tmp_path: Path) -> None:
    store, wanted = series(tmp_path)
    assert any("images: images: expected ['0']" in f for f in failures(store, wanted[0]))
    edit(store / "OME/zarr.json", lambda m: m["attributes"]["ome"].update(series=["0"]))
    assert any("own: image '1' exists but OME/series does not list it" in f for f in failures(store, *wanted))


def image_entry(root: dict[str, Any]) -> dict[str, Any]:
    return root["attributes"]["ome"]["multiscales"][0]


@pytest.mark.parametrize(
    ("change", "objecting"),
    [
        (lambda m: image_entry(m)["axes"].reverse(), {"own", "yaozarrs", "ome-zarr-models", "ngff-zarr"}),
        (
            lambda m: image_entry(m)["datasets"][0]["coordinateTransformations"][0]["scale"].pop(),
            {"yaozarrs", "ome-zarr-models", "ngff-zarr"},
        ),
        (lambda m: image_entry(m)["axes"][0].update(unit="um"), {"yaozarrs"}),
        (lambda m: m["attributes"]["ome"].update(omero={"channels": []}), {"own"}),
    ],
)
def test_each_validator_objects_for_itself(good: Path, change: Callable[..., None], objecting: set[str]) -> None:
    edit(good / "zarr.json", change)
    objections = {f.split(": ")[1].split()[0] for f in failures(good)}
    assert objections - set(OPENERS) == objecting


def test_equal_documents_are_judged_once_and_others_anew(good: Path, tmp_path: Path, monkeypatch: Any) -> None:
    asked: list[Path] = []

    def ask(store: Path, found: Any) -> list[str]:
        asked.append(store)
        return validators.own(store, found)

    monkeypatch.setattr(validators, "RIGHT", {})
    monkeypatch.setitem(validators.VALIDATORS, "own", ask)
    stores = [tmp_path / name for name in ("same", "other", "wrong", "wrong too")]
    for store in stores:
        shutil.copytree(good, store)
    zarr.open_array(stores[0] / "0", mode="r+")[...] = 0
    edit(stores[1] / "zarr.json", lambda m: m["attributes"].update(more=1))
    for store in stores[2:]:
        edit(store / "0/zarr.json", lambda m: m.pop("dimension_names"))
    found = [failures(store, validators=["own"]) for store in (good, *stores)]
    assert asked == [good, *stores[1:]], "what was objected to is objected to again"
    assert [bool(failed) for failed in found] == [False, False, False, True, True]


@pytest.mark.parametrize("write", [series, plate])
def test_validators_look_at_documents_alone(tmp_path: Path, write: Callable[..., Any]) -> None:
    store, wanted = write(tmp_path)
    alone = {"path": str(store), "openers": []}
    before = [check for check in report_on(alone)["stores"][0]["checks"] if check["ok"]]
    for array in [store / each["path"] / "0" for each in wanted]:
        assert (array / "c").is_dir()
        shutil.rmtree(array / "c")
    validators.RIGHT.clear()
    after = report_on(alone)["stores"][0]["checks"]
    assert [check["check"] for check in before] == [check["check"] for check in after if check["ok"]]
    assert len(before) == 1 + len(validators.VALIDATORS)


def test_warnings_can_be_allowed(good: Path) -> None:
    edit(good / "zarr.json", lambda m: image_entry(m)["axes"][0].update(unit="um"))
    assert failures(good, position(), allow_warnings=True) == []


def test_a_wrong_row_index_is_noticed(tmp_path: Path) -> None:
    store, wanted = plate(tmp_path)
    edit(store / "zarr.json", lambda m: m["attributes"]["ome"]["plate"]["wells"][1].update(rowIndex=0))
    found = failures(store, *wanted)
    assert any("own: well 'B/2': rowIndex 0, columnIndex 1 point to 'A/2'" in f for f in found)


def test_a_well_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    store, wanted = plate(tmp_path)
    shutil.rmtree(store / "B")
    found = failures(store, *wanted)
    assert any(f"{store}: layout: FileNotFoundError" in f for f in found)


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{",
        '{"path": "x", "position": []}',
        '{"path": "x", "readers": ["zar"]}',
        '{"path": "x", "positions": [{"path": ""}]}',
        '{"stores": [], "more": 1}',
    ],
)
def test_a_manifest_that_checks_nothing_is_refused(manifest: str) -> None:
    report, code = answer(manifest)
    assert code == 2 and not report["ok"] and report["failures"][0].startswith("manifest: ")


def test_frames_of_the_wrong_length_are_the_manifests_fault(good: Path) -> None:
    wanted = {"path": str(good), "positions": [position(expect={"kind": "coords", "frames": [0]})]}
    report, code = answer(json.dumps(wanted))
    assert code == 2 and "frames has 1 entries" in report["failures"][0]


def test_the_command_answers_for_many_stores_with_an_exit_code(good: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ome.zarr"
    shutil.copytree(good, bad)
    zarr.open_array(bad / "0", mode="r+")[0, 0, 0, 0] = 9
    wanted = [{"path": str(p), "positions": [position()]} for p in (good, bad)]

    def call(manifest: Any, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(HERE / "check_store.py"), *options]
        return subprocess.run(command, input=json.dumps(manifest) + "\n", capture_output=True, text=True, check=False)

    assert call({"stores": wanted[:1]}).returncode == 0
    both = call({"stores": wanted})
    report = json.loads(both.stdout)
    assert both.returncode == 1
    assert [store["ok"] for store in report["stores"]] == [True, False]
    assert str(bad) in both.stderr and str(good) not in both.stderr
    lines = call(wanted, "--lines")
    assert lines.returncode == 1 and len(json.loads(lines.stdout)["failures"]) == 2


def test_an_image_that_a_viewer_does_not_find_is_noticed(tmp_path: Path) -> None:
    if "napari-ome-zarr" not in OPENERS:
        pytest.skip("this Python has no napari-ome-zarr")
    store, wanted = series(tmp_path)
    document = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'
    xml = store / "OME/METADATA.ome.xml"
    xml.write_text(document.format('<Image ID="Image:0"/><Image ID="Image:1"/>'))
    assert failures(store, *wanted) == []
    xml.write_text(document.format('<Image ID="Image:0"/>'))
    assert any("napari-ome-zarr: layers" in f for f in failures(store, *wanted))
