"""The pixels of the test frames: every frame carries its own coordinates.

    value(n, y, x) = (n * 7919 + y * 131 + x * 17 + 1) mod 2^k

n is the frame number (zero-based arrival count), y and x are pixel indices, and k depends on the dtype:
unsigned integers: their bits; signed integers: their bits, read as two's complement; float16: 11 (every
integer up to 2048 is exact); float32 and float64: 20. A frame at the wrong place, a tile at the wrong
place and a shifted row all give other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

FRAME_STEP, ROW_STEP, COLUMN_STEP, OFFSET = 7919, 131, 17, 1
SLAB_BYTES = 256 << 20


def frame_pixels(dtype: Any, frame_numbers: np.ndarray, height: int, width: int) -> np.ndarray:
    """The frames of these numbers, shape (len(frame_numbers), height, width)."""
    dtype = np.dtype(dtype)
    n = np.asarray(frame_numbers, np.uint64) * np.uint64(FRAME_STEP) + np.uint64(OFFSET)
    y = np.arange(height, dtype=np.uint64) * np.uint64(ROW_STEP)
    x = np.arange(width, dtype=np.uint64) * np.uint64(COLUMN_STEP)
    plane = y[:, None] + x[None, :]
    if dtype.kind in "iu":
        # 2^k divides 2^64: the sum may be taken in the dtype's own width, which wraps as it should.
        word = np.dtype(f"u{dtype.itemsize}")
        return (n.astype(word)[:, None, None] + plane.astype(word)[None]).view(dtype)
    if dtype.kind == "f":
        bits = 11 if dtype.itemsize == 2 else 20
        mask = np.uint64((1 << bits) - 1)
        return ((n[:, None, None] + plane[None]) & mask).astype(dtype)
    raise ValueError(f"dtype {dtype} has no test pixels: use an integer or a float type")


class Expectation:
    """What an array must hold: its shape, its dtype, and its pixels, slab by slab along dimension 0."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype,
        pixels: Callable[[int, int], np.ndarray],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.pixels = pixels
        """(start, stop) along dimension 0 -> the expected block."""

    def slabs(self, multiple: int = 1) -> Iterator[tuple[int, int]]:
        """Ranges along dimension 0 that cover the array, each of bounded size where that is possible.

        `multiple` is the stored extent along dimension 0, so that no shard is read twice.
        """
        rows = self.shape[0]
        row_bytes = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        step = max(1, SLAB_BYTES // row_bytes)
        step = max(multiple, step // multiple * multiple)
        if len(self.shape) == 2:
            step = max(rows, 1)
        for start in range(0, rows, step):
            yield start, min(rows, start + step)


def frame_map(frames: list[int | None] | None, shape: tuple[int, ...]) -> np.ndarray:
    """Frame number of every storage index (C order over all dimensions but y, x), -1 for "fill value"."""
    index_shape = shape[:-2]
    count = math.prod(index_shape)
    if frames is None:
        return np.arange(count, dtype=np.int64).reshape(index_shape)
    if len(frames) != count:
        raise ValueError(
            f"frames has {len(frames)} entries, shape {list(shape)} has {count} storage indices: give one"
            " frame number (or null) for each, in C order over all dimensions but y and x"
        )
    return np.array([-1 if n is None else n for n in frames], np.int64).reshape(index_shape)


def coords_block(numbers: np.ndarray, dtype: np.dtype, height: int, width: int) -> np.ndarray:
    """Pixels of a block of frame numbers; -1 gives a frame of zeros. Shape numbers.shape + (height, width)."""
    flat = numbers.reshape(-1)
    block = frame_pixels(dtype, np.maximum(flat, 0), height, width)
    block[flat < 0] = 0
    return block.reshape(*numbers.shape, height, width)


def expectation(shape: list[int], dtype: str, expect: dict[str, Any]) -> Expectation:
    """Reads the `expect` of a manifest.

    {"kind": "coords", "frames": [0, 1, null, ...]}  frame number at each storage index, C order; absent: 0, 1, 2, ...
    {"kind": "raw", "file": PATH}                    the whole array, little-endian, C order
    {"kind": "fill"}                                 zeros everywhere
    """
    full, kind, known = tuple(shape), expect.get("kind"), np.dtype(dtype)
    if known.kind not in "iuf":
        raise ValueError(f"dtype {dtype!r}: integers and floats only")
    if len(full) < 2 or any(not isinstance(n, int) or n < 0 for n in full):
        raise ValueError(f"shape {list(full)}: at least y and x, none negative")
    if kind == "coords":
        numbers, height, width = frame_map(expect.get("frames"), full), full[-2], full[-1]
        if len(full) == 2:
            return Expectation(full, known, lambda a, b: coords_block(numbers, known, height, width)[a:b])
        return Expectation(full, known, lambda a, b: coords_block(numbers[a:b], known, height, width))
    if kind == "raw":
        size = math.prod(full)
        values = np.fromfile(expect["file"], known.newbyteorder("<")) if size else np.zeros(0, known)
        if values.size != size:
            raise ValueError(f"{expect['file']} holds {values.size} pixels of {dtype}, shape {list(full)} needs {size}")
        values = values.reshape(full)
        return Expectation(full, known, lambda a, b: values[a:b])
    if kind == "fill":
        return Expectation(full, known, lambda a, b: np.zeros((b - a, *full[1:]), known))
    raise ValueError(f"expect.kind {kind!r}: use coords, raw or fill")


def difference(got: np.ndarray, want: np.ndarray, start: int = 0) -> str | None:
    """None when equal; otherwise the first wrong index, expected, got, and how many are wrong."""
    if got.shape != want.shape:
        return f"block from {start} has shape {list(got.shape)}, expected {list(want.shape)}"
    same = got == want
    if got.dtype.kind == "f":
        same |= np.isnan(got) & np.isnan(want)
    wrong = int(same.size - np.count_nonzero(same))
    if not wrong:
        return None
    first = np.unravel_index(int(np.argmin(same.reshape(-1))), same.shape)
    where = [int(i) for i in first]
    where[0] += start
    return f"pixel {where}: expected {want[first]}, got {got[first]} ({wrong} of {same.size} wrong in this block)"
