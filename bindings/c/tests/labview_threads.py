"""What docs/LABVIEW.md advises about messages where each call may come from another thread.

Usage: python labview_threads.py EXAMPLE_FOLDER LIBRARY FOLDER
"""

import re
import shutil
import sys
import threading
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from ome_stream import Error, Library, Stream  # noqa: E402

FAILED = 11


def failure(call) -> Error:  # noqa: ANN001
    try:
        call()
    except Error as error:
        return error
    raise AssertionError("the call did not fail")


def in_another_thread(call) -> Error:  # noqa: ANN001
    answers: list[Error] = []
    thread = threading.Thread(target=lambda: answers.append(failure(call)))
    thread.start()
    thread.join()
    return answers[0]


def main(library: Library, folder: Path) -> None:
    store = folder / "run.ome.zarr"
    settings = {
        "root_path": str(store),
        "dtype": "uint16",
        "dimensions": [{"name": "t", "count": None}, {"name": "y", "count": 64}, {"name": "x", "count": 64}],
    }
    assert "dimensions" in str(in_another_thread(lambda: Stream(library, {**settings, "dimensions": []})))
    assert library.text("last_error") == "", "the message belongs to the thread of the call that failed"
    assert "dimensions" in str(failure(lambda: Stream(library, {**settings, "dimensions": []})))

    stream = Stream(library, settings)
    # No disk takes frames where a file lies in the place of the store.
    shutil.rmtree(store)
    store.touch()

    def append_until_it_fails() -> None:
        for _ in range(1_000_000):
            stream.append(np.zeros((64, 64), np.uint16), {})

    first = in_another_thread(append_until_it_fails)
    # Several frames are being written: which one fails first is not known.
    assert first.code == FAILED and re.search(r"writing failed at frame \d+: ", str(first)), first
    cause = stream.status()["failure"]
    assert cause and cause in str(first), (cause, first)
    there = in_another_thread(stream.finish)
    here = failure(stream.finish)
    assert str(there) == str(here) and cause in str(here), (there, here)
    stream.free()


if __name__ == "__main__":
    main(Library(sys.argv[2]), Path(sys.argv[3]))
    print("ok")
