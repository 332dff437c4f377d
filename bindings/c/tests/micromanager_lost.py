"""An image that Micro-Manager loses leaves its place empty, and every other frame keeps its own.

Its runner asks whether images are left before it asks whether the camera still runs: one that comes in between is lost,
where the core does not say that it runs until all are taken, as the example's does. Here that happens to the last image of
every fourth triggered stack.

Usage: python micromanager_lost.py EXAMPLE_FOLDER LIBRARY STORE
"""

import gc
import sys
from pathlib import Path

EVERY = 4


def lost_images(example: str, library: str, store: Path) -> None:
    sys.path.insert(0, example)
    import stream
    from ome_stream import Library

    core = stream.microscope()
    really_left, start, pop = core.getRemainingImageCount, core.startSequenceAcquisition, core.popNextImageAndMD
    core.isSequenceRunning = super(stream.Core, core).isSequenceRunning
    stacks = taken = 0

    def started(*arguments: object) -> None:
        nonlocal stacks, taken
        # The first sequence is the burst.
        stacks, taken = stacks + 1, 0
        start(*arguments)

    def popped() -> object:
        nonlocal taken
        taken += 1
        return pop()

    def left() -> int:
        if stacks > 1 and stacks % EVERY == 0 and taken == stream.PLANES - 1:
            while core.isSequenceRunning():
                pass
            return 0
        return really_left()

    core.getRemainingImageCount, core.startSequenceAcquisition, core.popNextImageAndMD = left, started, popped
    kept: list[stream.Kept] = []
    lost: list[int] = []
    written = stream.acquire(core, Library(library), stream.settings(core, store), kept, lost)
    # The first stack is the second sequence.
    expected = [place for place in range(120) if place % 3 == 2 and (place // 3 + 2) % EVERY == 0]
    assert set(expected) <= set(lost) and len(expected) == 10, (expected, lost)
    assert len(kept) + len(lost) == stream.TIMES + 120, (len(kept), lost)
    stream.compare(written, kept)


if __name__ == "__main__":
    lost_images(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    print("ok")
    # Micro-Manager's core must be gone before the interpreter is.
    gc.collect()
