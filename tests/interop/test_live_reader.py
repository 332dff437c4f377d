"""live_reader follows a growing array, and notices what must not happen in one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zarr
from make_store import pixels

HERE = Path(__file__).parent
READERS = ["zarr-python", "tensorstore", "tensorstore-reopen"]
SHAPE = (8, 16, 24)


class Live:
    """A running live reader."""

    def __init__(self, array: Path, **config: Any) -> None:
        arrays = [{"store": str(array.parent), "array": array.name, "dtype": "uint16", "shape": SHAPE}]
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "live_reader.py"), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.send({"arrays": arrays, "interval": 0.01, **config})
        assert self.event()["event"] == "ready"

    def send(self, config: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(config) + "\n")
        self.process.stdin.flush()

    def event(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def wait_for(self, whole: int, readers: list[str] = READERS) -> None:
        """Returns when every reader has seen this many whole frames."""
        waiting = set(readers)
        while waiting:
            event = self.event()
            assert event["event"] == "seen"
            if event["whole"] == whole:
                waiting.discard(event["reader"])

    def stop(self) -> tuple[dict[str, Any], int]:
        """Closes stdin; returns the report and the exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        while (event := self.event())["event"] != "report":
            pass
        return event, self.process.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    zarr.create_group(tmp_path / "run.zarr")
    return tmp_path / "run.zarr" / "0"


def create(path: Path, length: int) -> zarr.Array:
    return zarr.create_array(
        path, shape=(length, *SHAPE[1:]), dtype="uint16", fill_value=0, chunks=(1, 16, 12), compressors=None
    )


def test_a_growing_array_is_followed_to_its_end(path: Path) -> None:
    live = Live(path, must_have="all")
    array = create(path, 0)
    want = pixels(SHAPE, "uint16")
    for n in range(SHAPE[0]):
        array.resize((n + 1, *SHAPE[1:]))
        array[n] = want[n]
        live.wait_for(n + 1)
    report, code = live.stop()
    assert report["ok"] and code == 0 and report["errors"] == []
    assert set(report["whole"].values()) == {SHAPE[0]}
    assert len(report["whole"]) == 3


def test_a_half_written_frame_is_no_error_but_not_whole_either(path: Path) -> None:
    array = create(path, SHAPE[0])
    want = pixels(SHAPE, "uint16")
    array[0] = want[0]
    array[1, :, :12] = want[1, :, :12]
    live = Live(path)
    live.wait_for(1)
    report, code = live.stop()
    assert report["ok"] and code == 0 and set(report["whole"].values()) == {1}


def test_a_missing_frame_is_named_at_the_end(path: Path) -> None:
    array = create(path, SHAPE[0])
    want = pixels(SHAPE, "uint16")
    array[:4] = want[:4]
    array[5] = want[5]
    live = Live(path, must_have=6)
    live.wait_for(5)
    report, code = live.stop()
    assert code == 1 and len(report["errors"]) == 3
    assert all("frame 4 at [4] is not whole (1 such frames below 6)" in error for error in report["errors"])


def test_a_wrong_pixel_is_named(path: Path) -> None:
    array = create(path, SHAPE[0])
    array[...] = pixels(SHAPE, "uint16")
    array[3, 2, 1] = 9
    live = Live(path)
    live.wait_for(7)
    report, code = live.stop()
    assert code == 1 and "pixel [3, 2, 1]: expected 24037 or 0, got 9" in report["errors"][0]


def test_a_frame_that_vanishes_is_noticed(path: Path) -> None:
    array = create(path, SHAPE[0])
    array[...] = pixels(SHAPE, "uint16")
    live = Live(path)
    live.wait_for(8)
    (path / "c/6/0/1").unlink()
    report, code = live.stop()
    assert code == 1
    for reader in READERS:
        assert any(f": {reader}: " in e and "frame at [6] was whole before" in e for e in report["errors"])


def test_torn_metadata_is_noticed(path: Path) -> None:
    create(path, SHAPE[0])[0] = pixels(SHAPE, "uint16")[0]
    live = Live(path, readers=["zarr-python", "tensorstore-reopen"])
    live.wait_for(1, ["zarr-python", "tensorstore-reopen"])
    document = path / "zarr.json"
    document.write_bytes(document.read_bytes()[:50])
    report, code = live.stop()
    assert code == 1 and "cannot be opened any more" in report["errors"][0]


def test_an_array_that_never_comes_is_an_error(path: Path) -> None:
    report, code = Live(path).stop()
    assert code == 1 and all("could never be opened" in error for error in report["errors"])


def test_the_stop_file_stops_it(path: Path, tmp_path: Path) -> None:
    create(path, SHAPE[0])[...] = pixels(SHAPE, "uint16")
    live = Live(path, stop_file=str(tmp_path / "stop"), must_have="all")
    live.wait_for(8)
    (tmp_path / "stop").touch()
    while (event := live.event())["event"] != "report":
        pass
    assert event["ok"] and live.process.wait() == 0


def test_it_does_not_run_for_ever(path: Path) -> None:
    create(path, SHAPE[0])
    live = Live(path, max_seconds=0.2)
    event = live.event()
    assert event["event"] == "report" and "was not told to stop" in event["errors"][0]
    assert live.process.wait() == 1
