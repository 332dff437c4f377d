"""Micro-Manager's own core and its demo camera stream into one OME-Zarr store through ome-stream's C ABI.

First a sequence acquisition ("burst"), then a multi-dimensional one: positions, time points, channels, and z as
hardware-triggered stacks. Each frame comes with the camera's time stamps, its exposure and where the stage was sent.
Afterwards the store is opened with zarr-python and compared, frame by frame, with copies that were kept in memory.

Usage: python stream.py STORE [--library libome_stream.so.1]      (or OME_STREAM_LIBRARY in the environment)
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import traceback
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import mm_test_adapters
import numpy as np
import useq
import zarr
from ome_stream import Error, Library, Stream
from pymmcore_plus import CMMCorePlus

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS, COLUMNS = 48, 64
TIMES, CHANNELS, PLANES = 10, ("DAPI", "FITC"), 3
EXPOSURE_MS = 2.0
Z_STEP = 0.5

# Stage locations in micrometers (x, y, middle of the stack); each becomes an image of the store.
BURST = ("burst", 0.0, 0.0, 0.0)
POSITIONS = (("A", 0.0, 0.0, 10.0), ("B", 20.0, -10.0, 12.0))


class Kept(NamedTuple):
    """A frame as the camera delivered it, and where it must be found."""

    position: str
    index: tuple[int, int, int]  # t, c, z
    pixels: np.ndarray
    metadata: Mapping[str, Any]


class Core(CMMCorePlus):
    """Micro-Manager's core, whose sequence lasts until its last image is taken.

    The runner of acquisitions asks whether images are left, then whether the camera still runs, and would go on without an
    image that comes between the two questions.
    """

    def isSequenceRunning(self, *camera: str) -> bool:  # noqa: N802
        return super().isSequenceRunning(*camera) or self.getRemainingImageCount() > 0


def microscope() -> CMMCorePlus:
    """Micro-Manager's demo configuration, with a small camera that shows noise: no two frames are alike."""
    adapters = Path(mm_test_adapters.device_adapter_path())
    core = Core(mm_path=str(adapters))
    core.loadSystemConfiguration(adapters / "MMConfig_demo.cfg")
    camera = core.getCameraDevice()
    core.setProperty(camera, "Mode", "Noise")
    core.setProperty(camera, "PixelType", "16bit")
    core.setProperty(camera, "OnCameraCCDXSize", COLUMNS)
    core.setProperty(camera, "OnCameraCCDYSize", ROWS)
    core.setProperty(core.getFocusDevice(), "UseSequences", "Yes")
    core.setExposure(EXPOSURE_MS)
    return core


def plan() -> useq.MDASequence:
    """The multi-dimensional acquisition, in the order in which the frames are declared to the stream."""
    return useq.MDASequence(
        axis_order="ptcz",
        stage_positions=[{"name": name, "x": x, "y": y, "z": z} for name, x, y, z in POSITIONS],
        time_plan={"interval": 0, "loops": TIMES},
        channels=[{"config": channel, "exposure": EXPOSURE_MS} for channel in CHANNELS],
        z_plan={"range": Z_STEP * (PLANES - 1), "step": Z_STEP},
    )


def settings(core: CMMCorePlus, store: Path) -> dict[str, Any]:
    """What is declared to the stream: the loops, slowest first."""
    pixel = {"unit": "micrometer", "scale": core.getPixelSizeUm()}
    below = Z_STEP * (PLANES - 1) / 2
    places = [
        {"name": name, "x_coord": x, "y_coord": y, "z_coord": z - below} for name, x, y, z in (BURST, *POSITIONS)
    ]
    return {
        "root_path": str(store),
        "dtype": "uint16",
        "memory_limit": 64 << 20,
        "dimensions": [
            {"name": "p", "coords": places},
            {"name": "t", "count": TIMES, "unit": "second"},
            {"name": "c", "coords": [{"name": channel} for channel in CHANNELS]},
            {"name": "z", "count": PLANES, "unit": "micrometer", "scale": Z_STEP},
            {"name": "y", "count": core.getImageHeight(), **pixel},
            {"name": "x", "count": core.getImageWidth(), **pixel},
        ],
    }


def described(camera: Mapping[str, str], exposure_ms: float, stage: Mapping[str, float | None]) -> dict[str, Any]:
    """Metadata of one frame, under the names that readers of ome-writers' stores know, and all that the camera said."""
    return {
        "exposure_time": exposure_ms / 1000,
        **{f"position_{axis}": at for axis, at in stage.items() if at is not None},
        # The camera's own clock, "ElapsedTime-ms", starts anew with each sequence, so with each stack; this does not.
        "received": datetime.fromisoformat(camera["TimeReceivedByCore"]).timestamp(),
        "camera": dict(camera),
    }


def burst(core: CMMCorePlus, stream: Stream, kept: list[Kept]) -> None:
    """A sequence acquisition: the camera runs freely into the core's buffer, we empty it.

    It has one channel and one plane; the other places of its image are passed over.
    """
    _, x, y, z = BURST
    core.setXYPosition(x, y)
    core.setZPosition(z)
    core.setConfig("Channel", CHANNELS[0])
    core.waitForSystem()
    stage = {"x": core.getXPosition(), "y": core.getYPosition(), "z": core.getZPosition()}
    core.startSequenceAcquisition(TIMES, 0, True)
    try:
        for t in range(TIMES):
            pixels, tags = next_image(core)
            metadata = described(tags, core.getExposure(), stage)
            number = stream.append(pixels, metadata)
            assert number == t * len(CHANNELS) * PLANES, number
            stream.skip(len(CHANNELS) * PLANES - 1)
            kept.append(Kept(BURST[0], (t, 0, 0), pixels.copy(), metadata))
    finally:
        core.stopSequenceAcquisition()


def next_image(core: CMMCorePlus) -> tuple[np.ndarray, dict[str, str]]:
    while True:
        running = core.isSequenceRunning()  # before the count: the last image may come between the two
        if core.getRemainingImageCount():
            pixels, tags = core.popNextImageAndMD()
            return pixels, dict(tags)
        if not running:
            raise RuntimeError("the camera stopped before its sequence was complete")
        time.sleep(0.001)


def multi_dimensional(core: CMMCorePlus, stream: Stream, kept: list[Kept], lost: list[int]) -> None:
    """A multi-dimensional acquisition. If a frame cannot be stored, the microscope is stopped and the error raised.

    An image that Micro-Manager loses leaves its place empty, so that the others keep theirs.
    """
    failure: list[Exception] = []
    shape = (len(POSITIONS), TIMES, len(CHANNELS), PLANES)
    passed = 0

    def pass_over(until: int) -> None:
        nonlocal passed
        if until > passed:
            stream.skip(until - passed)
            lost.extend(range(passed, until))
            passed = until

    def store(pixels: np.ndarray, event: useq.MDAEvent, meta: Mapping[str, Any]) -> None:
        nonlocal passed
        # The runner only logs what a listener raises, and would go on bleaching the sample.
        if failure:
            return
        try:
            stage = {"x": event.x_pos, "y": event.y_pos, "z": event.z_pos}
            metadata = described(meta["camera_metadata"], meta["exposure_ms"], stage)
            pass_over(int(np.ravel_multi_index([event.index[axis] for axis in "ptcz"], shape)))
            stream.append(pixels, metadata)
            passed += 1
            index = (event.index["t"], event.index["c"], event.index["z"])
            kept.append(Kept(POSITIONS[event.index["p"]][0], index, pixels.copy(), metadata))
        except Exception as error:
            failure.append(error)
            core.mda.cancel()

    core.mda.events.frameReady.connect(store)
    try:
        core.mda.run(plan())
    finally:
        core.mda.events.frameReady.disconnect(store)
    if failure:
        raise failure.pop()
    pass_over(int(np.prod(shape)))


def acquire(
    core: CMMCorePlus, library: Library, declared: Mapping[str, Any], kept: list[Kept], lost: list[int]
) -> Path:
    """Both acquisitions into one store, whose folder is returned."""
    with Stream(library, declared) as stream:
        sequence = json.loads(plan().model_dump_json())
        stream.set_metadata("micromanager", {"core": core.getVersionInfo(), "sequence": sequence})
        burst(core, stream, kept)
        multi_dimensional(core, stream, kept, lost)
        stream.finish()
        status = stream.status()
        empty = TIMES * (len(CHANNELS) * PLANES - 1) + len(lost)
        assert (status["accepted"], status["durable"], status["skipped"]) == (len(kept) + empty,) * 2 + (empty,), status
        return Path(stream.path())


def compare(store: Path, kept: list[Kept]) -> None:
    """Every frame and its metadata as delivered, nothing at the places that were passed over."""
    different = len({frame.pixels.tobytes() for frame in kept})
    assert different == len(kept), "some frames are alike: a mix-up of them would not show"
    times = [frame.metadata["received"] for frame in kept]
    assert times == sorted(times), "frames were delivered in another order than they were taken"
    group = zarr.open_group(store, mode="r")
    assert "MMCore" in group.attrs["micromanager"]["core"]
    for name in (BURST[0], *(position[0] for position in POSITIONS)):
        expected = np.zeros((TIMES, len(CHANNELS), PLANES, ROWS, COLUMNS), np.uint16)
        lines = [json.loads(line) for line in (store / name / "frame_metadata.jsonl").read_text().splitlines()]
        frames = [frame for frame in kept if frame.position == name]
        assert len(lines) == len(frames), f"{name}: {len(lines)} lines of metadata for {len(frames)} frames"
        for frame, line in zip(frames, lines, strict=True):
            expected[frame.index] = frame.pixels
            added = {name: line[name] for name in ("frame", "accepted")}
            assert line == {**frame.metadata, "storage_index": list(frame.index), **added}, line
        stored = group[f"{name}/0"][:]
        assert stored.dtype == expected.dtype and stored.shape == expected.shape, (name, stored.dtype, stored.shape)
        for index in np.ndindex(expected.shape[:3]):
            assert np.array_equal(stored[index], expected[index]), f"{name}: frame {index} differs"
        mirrored = group[name].attrs["ome_writers"]["frame_metadata"]
        assert [each["camera"] for each in mirrored] == [frame.metadata["camera"] for frame in frames], name


def run(store: Path, library: str | None) -> str:
    core = microscope()
    kept: list[Kept] = []
    lost: list[int] = []
    written = acquire(core, Library(library), settings(core, store), kept, lost)
    planned = len(POSITIONS) * TIMES * len(CHANNELS) * PLANES
    assert len(kept) + len(lost) == TIMES + planned and len(lost) * 10 < planned, (len(kept), lost)
    compare(written, kept)
    told = f"{TIMES} frames of a burst and {len(kept) - TIMES} of a multi-dimensional acquisition compared"
    return f"{told}, {len(lost)} lost by Micro-Manager" if lost else told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="where the store is made")
    parser.add_argument("--library", help="the shared library; otherwise the environment's OME_STREAM_LIBRARY")
    given = parser.parse_args()
    try:
        print(run(given.store, given.library))
        return 0
    except Error as error:
        print(error, file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return 2


if __name__ == "__main__":
    code = main()
    # The core must be gone before the interpreter is: it aborts the process otherwise. No frame holds it any more here.
    gc.collect()
    sys.exit(code)
