"""A frame that the stream refuses stops Micro-Manager's acquisition, and what came before it is kept.

The stream is told of one position fewer than the microscope will visit.

Usage: python micromanager_refused.py EXAMPLE_FOLDER LIBRARY STORE
"""

import gc
import sys
from pathlib import Path


def refused(example: str, library: str, store: Path) -> None:
    sys.path.insert(0, example)
    import stream
    from ome_stream import TOO_MANY_FRAMES, Error, Library

    core = stream.microscope()
    canceled = []
    core.mda.events.sequenceCanceled.connect(lambda _: canceled.append(True))
    declared = stream.settings(core, store)
    declared["dimensions"][0]["coords"].pop()
    kept: list[stream.Kept] = []
    lost: list[int] = []
    try:
        stream.acquire(core, Library(library), declared, kept, lost)
    except Error as error:
        assert error.code == TOO_MANY_FRAMES, error
        assert "declare" in str(error), error
    else:
        raise AssertionError("every frame was taken")
    assert canceled == [True], "the microscope went on"
    stack = len(stream.CHANNELS) * stream.PLANES
    assert len(kept) + len(lost) == stream.TIMES + stream.TIMES * stack, (len(kept), lost)
    stream.POSITIONS = stream.POSITIONS[:-1]
    stream.compare(store, kept)


if __name__ == "__main__":
    refused(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    print("ok")
    # Micro-Manager's core must be gone before the interpreter is.
    gc.collect()
