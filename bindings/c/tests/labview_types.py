"""Calls the C ABI with exactly the types that LabVIEW's Call Library Function Node passes.

U8 and U16 2-D arrays as "Array Data Pointer" (a bare pointer to the first element, row-major, nothing about their size),
numbers by value as unsigned 64-bit or by pointer, the handle as an unsigned pointer-sized integer (by pointer where it
comes back), texts as "C String Pointer" (zero-terminated, never NULL: an unwired text is empty), a text that comes back
into a preallocated U8 array.

Usage: python labview_types.py LIBRARY FOLDER
"""

import ctypes
import json
import sys
from pathlib import Path

import numpy as np
import zarr

OK, FRAME_SIZE, ABORTED, INVALID_HANDLE = 0, 7, 24, 33
WRITTEN = 1

U8P = ctypes.POINTER(ctypes.c_uint8)
U16P = ctypes.POINTER(ctypes.c_uint16)
U64P = ctypes.POINTER(ctypes.c_uint64)


class Node:
    """One Call Library Function Node: a function with the types that were configured for it."""

    def __init__(self, library: ctypes.CDLL, name: str, *types: type, result: type = ctypes.c_int32) -> None:
        self.call = getattr(library, name)
        self.call.argtypes = list(types)
        self.call.restype = result


def text(answer: "ctypes.Array[ctypes.c_uint8]") -> str:
    return bytes(answer).split(b"\0", 1)[0].decode("utf-8")


def settings(folder: Path, name: str, dtype: str, rows: int, columns: int) -> bytes:
    dimensions = [
        {"name": "t", "count": None},
        {"name": "y", "count": rows},
        {"name": "x", "count": columns},
    ]
    return json.dumps({"root_path": str(folder / name), "dtype": dtype, "dimensions": dimensions}).encode()


def acquire(library: ctypes.CDLL, folder: Path, dtype: "type[np.generic]", pixel: type) -> None:
    """An acquisition VI: create, append in a loop, status, finish, free; every pixel compared."""
    pointer = ctypes.POINTER(pixel)
    handle_value = ctypes.c_size_t  # "Unsigned Pointer-sized Integer"
    create = Node(library, "ome_stream_create", ctypes.c_char_p, ctypes.POINTER(handle_value))
    append = Node(library, "ome_stream_append", handle_value, pointer, ctypes.c_uint64, ctypes.c_char_p, U64P)
    try_append = Node(library, "ome_stream_try_append", handle_value, pointer, ctypes.c_uint64, ctypes.c_char_p, U64P)
    within = Node(
        library, "ome_stream_append_within", handle_value, pointer, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64, U64P
    )
    wait = Node(library, "ome_stream_wait", handle_value, ctypes.c_uint64, ctypes.c_int32, ctypes.c_uint64)
    cancel = Node(library, "ome_stream_cancel", handle_value)
    skip = Node(library, "ome_stream_skip", handle_value, ctypes.c_uint64)
    metadata = Node(library, "ome_stream_set_metadata", handle_value, ctypes.c_char_p, ctypes.c_char_p)
    status = Node(library, "ome_stream_status", handle_value, U8P, ctypes.c_uint64, U64P)
    plan = Node(library, "ome_stream_plan", ctypes.c_char_p, U8P, ctypes.c_uint64, U64P)
    planned = Node(library, "ome_stream_planned", handle_value, U8P, ctypes.c_uint64, U64P)
    place_of = Node(library, "ome_stream_place_of", handle_value, ctypes.c_uint64, U64P, U64P, ctypes.c_uint64, U64P)
    frame_of = Node(library, "ome_stream_frame_of", handle_value, ctypes.c_uint64, U64P, ctypes.c_uint64, U64P)
    array_path = Node(
        library, "ome_stream_array_path", handle_value, ctypes.c_uint64, ctypes.c_uint32, U8P, ctypes.c_uint64, U64P
    )
    finish = Node(library, "ome_stream_finish", handle_value)
    abort = Node(library, "ome_stream_abort", handle_value)
    free = Node(library, "ome_stream_free", handle_value, result=None)
    last_error = Node(library, "ome_stream_last_error", U8P, ctypes.c_uint64, U64P)

    rows, columns = 30, 50  # not square: swapped rows and columns must show
    name = np.dtype(dtype).name
    handle = handle_value(0)
    number = ctypes.c_uint64(0)
    needed = ctypes.c_uint64(0)
    answer = (ctypes.c_uint8 * 4096)()

    assert create.call(settings(folder, f"{name}.ome.zarr", name, rows, columns), ctypes.byref(handle)) == OK
    assert handle.value != 0

    assert plan.call(settings(folder, f"{name}.ome.zarr", name, rows, columns), answer, len(answer), ctypes.byref(needed)) == OK
    before = json.loads(text(answer))
    assert planned.call(handle, answer, len(answer), ctypes.byref(needed)) == OK
    assert json.loads(text(answer)) == before
    assert before["levels"] == [{"level": 0, "shape": [None, rows, columns], "chunk": [1, rows, columns], "shard": None}]
    index = (ctypes.c_uint64 * 3)()
    assert place_of.call(handle, 41, ctypes.byref(number), index, len(index), ctypes.byref(needed)) == OK
    assert (number.value, needed.value, index[0]) == (0, 1, 41)
    assert frame_of.call(handle, 0, index, needed.value, ctypes.byref(number)) == OK
    assert number.value == 41
    assert array_path.call(handle, 0, 0, answer, len(answer), ctypes.byref(needed)) == OK
    assert text(answer) == str(folder / f"{name}.ome.zarr" / "0")

    assert metadata.call(handle, b"labview", json.dumps({"operator": "Jörg"}, ensure_ascii=False).encode()) == OK

    frames = [(np.arange(rows * columns).reshape(rows, columns) * (nth + 1)).astype(dtype) for nth in range(6)]
    for nth, frame in enumerate(frames):
        if nth == 3:
            assert skip.call(handle, 1) == OK
            continue
        data = frame.ctypes.data_as(pointer)
        call = try_append.call if nth % 2 else append.call
        about = b'{"exposure_ms": 2.5}' if nth == 1 else b""  # unwired: an empty text, not NULL
        if nth == 4:
            assert within.call(handle, data, frame.nbytes, about, 60_000, ctypes.byref(number)) == OK
        else:
            assert call(handle, data, frame.nbytes, about, ctypes.byref(number)) == OK
        assert number.value == nth

    assert wait.call(handle, 5, WRITTEN, 60_000) == OK
    assert cancel.call(handle) == OK

    # A wire of another size is refused and changes nothing.
    assert append.call(handle, frames[0].ctypes.data_as(pointer), frames[0].nbytes - 2, b"", ctypes.byref(number)) == FRAME_SIZE
    assert number.value == 5
    assert last_error.call(answer, len(answer), ctypes.byref(needed)) == OK
    assert f"expected {frames[0].nbytes} (30 x 50 pixels of {name})" in text(answer), text(answer)

    assert finish.call(handle) == OK
    assert status.call(handle, answer, len(answer), ctypes.byref(needed)) == OK
    told = json.loads(text(answer))
    assert (told["accepted"], told["durable"], told["skipped"], told["finished"]) == (6, 6, 1, True), told
    free.call(handle)
    # The same number on a wire after the VI freed it: an error, no crash.
    assert finish.call(handle) == INVALID_HANDLE
    free.call(handle)

    # The second button: what was written is kept, nothing is waited for.
    again = handle_value(0)
    assert create.call(settings(folder, f"{name}-stopped.ome.zarr", name, rows, columns), ctypes.byref(again)) == OK
    assert append.call(again, frames[1].ctypes.data_as(pointer), frames[1].nbytes, b"", ctypes.byref(number)) == OK
    assert wait.call(again, 0, WRITTEN, 60_000) == OK
    assert abort.call(again) == OK
    assert finish.call(again) == ABORTED
    free.call(again)
    stopped = zarr.open_group(str(folder / f"{name}-stopped.ome.zarr"), mode="r")
    assert stopped.attrs["ome_stream"]["run"]["given_up"] is True
    assert np.array_equal(stopped["0"][:], frames[1][None])

    group = zarr.open_group(str(folder / f"{name}.ome.zarr"), mode="r")
    assert group.attrs["labview"] == {"operator": "Jörg"}
    stored = group["0"][:]
    assert stored.shape == (6, rows, columns) and stored.dtype == dtype
    for nth, frame in enumerate(frames):
        assert np.array_equal(stored[nth], frame if nth != 3 else np.zeros_like(frame)), f"{name}: frame {nth}"


def main(library: str, folder: str) -> None:
    loaded = ctypes.CDLL(library)
    acquire(loaded, Path(folder), np.uint16, ctypes.c_uint16)
    acquire(loaded, Path(folder), np.uint8, ctypes.c_uint8)
    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
