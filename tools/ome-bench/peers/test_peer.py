"""Each peer writes what it was given, and says clearly when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from engines import MODULES  # noqa: E402

DIMENSIONS = [
    {"name": "t", "count": 3},
    {"name": "c", "count": 2},
    {"name": "y", "count": 64, "chunk_size": 32},
    {"name": "x", "count": 96, "chunk_size": 32},
]
ODD = [*DIMENSIONS[:2], {"name": "y", "count": 99}, {"name": "x", "count": 97}]
Ask = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "peer.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout

    def ask(job: dict[str, Any]) -> dict[str, Any]:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    assert process.wait(30) == 0


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = np.random.default_rng(7).integers(1, 60000, (4, 64, 96), np.uint16)
    values.astype("<u2").tofile(tmp_path / "frames.bin")
    return tmp_path / "frames.bin", values


def job(engine: str, frames: Path, out: Path, **more: Any) -> dict[str, Any]:
    settings = {"dimensions": DIMENSIONS, "dtype": "uint16", "compression": "none", **more.pop("settings", {})}
    return {
        "engine": engine, "settings": settings, "frames_file": str(frames), "frame_count": 6, "out": str(out), **more,
    }  # fmt: skip


@pytest.mark.parametrize("compression", ["none", "blosc-lz4"])
@pytest.mark.parametrize("engine", list(MODULES))
def test_each_engine_writes_the_frames_in_turn(
    ask: Ask, engine: str, compression: str, frames: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    file, values = frames
    reply = ask(job(engine, file, tmp_path / "out", settings={"compression": compression}))
    assert reply["ok"], reply
    stored = zarr.open_group(reply["store"], mode="r")["0"][...]
    assert stored.shape == (3, 2, 64, 96)
    np.testing.assert_array_equal(stored.reshape(6, 64, 96), values[[0, 1, 2, 3, 0, 1]])
    assert len(reply["append"]) == 6 and reply["bytes"] == 6 * 64 * 96 * 2
    parts = sum(reply["append"]) + reply["finish"] + reply["sync"]
    assert reply["create"] > 0 and reply["sync"] > 0 and parts == pytest.approx(reply["write"])
    assert reply["peak_rss"] >= reply["rss_before"] > 0
    assert "0.3.2" in reply["version"] or engine == "acquire-zarr"


@pytest.mark.parametrize("engine", ["ome-writers/tensorstore", "acquire-zarr"])
def test_frames_find_their_positions_and_storage_order(
    ask: Ask, engine: str, frames: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    file, values = frames
    first, *rest = DIMENSIONS
    acquired = [first, {"name": "p", "count": 2}, {"name": "z", "count": 2}, *rest]
    reply = ask(job(engine, file, tmp_path / "out", settings={"dimensions": acquired}, frame_count=24))
    assert reply["ok"], reply
    # acquired t, p, z, c: stored t, c, z for each position
    order = (np.arange(24) % 4).reshape(3, 2, 2, 2).transpose(1, 0, 3, 2)
    for position in range(2):
        group = zarr.open_group(reply["store"], mode="r")
        key = next(k for k in (f"{position}/0", f"{position}") if isinstance(group.get(k), zarr.Array))
        np.testing.assert_array_equal(group[key][...], values[order[position]])


def test_without_durability_nothing_is_synced(ask: Ask, frames: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    durable, fast = (
        ask(job("ome-writers/zarr-python", frames[0], tmp_path / name, durable=name == "durable"))
        for name in ("durable", "fast")
    )
    assert durable["sync"] > 0 and fast["sync"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"engine": "nobody"}, "unknown engine 'nobody'"),
        ({"frames_file": "/nowhere"}, "No such file"),
        ({"settings": {"dtype": "uint16", "dimensions": DIMENSIONS, "speed": 1}}, "speed"),
        ({"settings": {"dtype": "uint32", "dimensions": ODD}}, "whole frames"),
        ({"settings": {"dtype": "uint16", "dimensions": DIMENSIONS, "compression": "zstd"}}, "zstd"),
        ({"frame_count": 7}, "would exceed total of 6 frames"),
        ({"more": 1}, "unknown fields ['more']"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_an_answer(
    ask: Ask, change: dict[str, Any], said: str, frames: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    reply = ask({**job("ome-writers/acquire-zarr", frames[0], tmp_path / "out"), **change})
    assert not reply["ok"] and said in reply["error"], reply
    assert ask(job("ome-writers/acquire-zarr", frames[0], tmp_path / "again"))["ok"]


def test_an_existing_store_is_refused(ask: Ask, frames: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    once = job("acquire-zarr", frames[0], tmp_path / "out")
    assert ask(once)["ok"]
    assert "exists" in ask(once)["error"]


def test_the_probe_names_every_engine(ask: Ask) -> None:
    reply = ask({"probe": True})
    assert set(reply["engines"]) == set(MODULES)
    assert all(state["available"] and state["version"] for state in reply["engines"].values())


def test_a_missing_engine_gives_its_reason() -> None:
    """The script in an interpreter without site-packages' acquire_zarr."""
    code = "import sys; sys.modules['acquire_zarr'] = None; import peer; sys.exit(peer.main())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, input='{"probe": true}\n', capture_output=True, text=True, check=True
    )
    states = json.loads(done.stdout)["engines"]
    assert not states["acquire-zarr"]["available"] and "acquire_zarr" in states["acquire-zarr"]["reason"]
    assert states["ome-writers/tensorstore"]["available"]
