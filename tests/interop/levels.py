"""Makes the levels of an image anew with NumPy, each of the one above as it is stored, and compares.

    python levels.py STORE [STORE ..]     every image of these stores; a plane of zeros counts as one that did not come

How is told by the store: the method by `type` of its multiscales, the windows by the scales of its datasets. Windows
at an edge are made of the pixels that exist, and of the planes that came; one of which none came is fill value (0), by
`nearest` also one of which the first did not come.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from readers import READERS
from structure import Wrong, axes_of, join, layout, multiscales, placement


def exact(dtype: np.dtype) -> np.dtype:
    """A type in which pixels can be added: whole numbers of Python where there is no wider one."""
    if dtype.kind == "f":
        return np.dtype(np.float64)
    return np.dtype(np.int64 if dtype.itemsize < 8 else object)


def half_to_even(total: np.ndarray, by: int) -> np.ndarray:
    """Whole numbers, divided."""
    below, rest = total // by, total % by
    up = (2 * rest > by) | ((2 * rest == by) & (below % 2 == 1))
    return below + up.astype(np.int64)


def added(windows: np.ndarray) -> np.ndarray:
    """Sums as they are defined for floats: of each row from left to right, then of the rows, then of the planes."""
    for _ in range(3):
        windows = np.add.accumulate(windows, axis=-1)[..., -1]
    return windows


def mean(windows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    count = math.prod(windows.shape[-3:])
    if dtype.kind == "f":
        return added(windows) / count
    return half_to_even(windows.sum(axis=(-3, -2, -1)), count)


def ranked(windows: np.ndarray) -> np.ndarray:
    return np.sort(windows.reshape(*windows.shape[:2], -1), axis=-1)


def median(windows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    pixels = ranked(windows)
    count = pixels.shape[-1]
    low, high = pixels[..., (count - 1) // 2], pixels[..., count // 2]
    if dtype.kind != "f":
        return half_to_even(low + high, 2)
    made = np.where(low == high, low, (low + high) / 2)
    # NaN comes last in a sorted list.
    return np.where(np.isnan(pixels[..., -1]), np.nan, made)


def mode(windows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    pixels = ranked(windows)
    times = (pixels[..., :, None] == pixels[..., None, :]).sum(axis=-1)
    # Of several the first, which is the smallest.
    return np.take_along_axis(pixels, times.argmax(axis=-1)[..., None], axis=-1)[..., 0]


METHODS: dict[str, Callable[[np.ndarray, np.dtype], np.ndarray]] = {
    "mean": mean,
    "min": lambda windows, _: windows.min(axis=(-3, -2, -1)),
    "max": lambda windows, _: windows.max(axis=(-3, -2, -1)),
    "median": median,
    "mode": mode,
    "nearest": lambda windows, _: windows[..., 0, 0, 0],
}


def pieces(extent: int, factor: int) -> list[tuple[slice, slice, int]]:
    """(of the level above, of the level, pixels of a window) for windows that are whole, and for the one that is not."""
    whole, rest = divmod(extent, factor)
    found = []
    if whole:
        found.append((slice(0, whole * factor), slice(0, whole), factor))
    if rest:
        found.append((slice(whole * factor, extent), slice(whole, whole + 1), rest))
    return found


def plane(planes: np.ndarray, method: str, factors: tuple[int, int]) -> np.ndarray:
    """One plane of those of a window: planes, rows, columns."""
    dtype = planes.dtype
    rows, columns = (-(-extent // factor) for extent, factor in zip(planes.shape[1:], factors, strict=True))
    made = np.zeros((rows, columns), dtype)
    if method == "nearest":
        return planes[0, :: factors[0], :: factors[1]]
    wide = planes.astype(exact(dtype))
    for (above, into, high), (left, across, broad) in itertools.product(
        pieces(planes.shape[1], factors[0]), pieces(planes.shape[2], factors[1])
    ):
        part = wide[:, above, left]
        shape = (len(planes), part.shape[1] // high, high, part.shape[2] // broad, broad)
        windows = part.reshape(shape).transpose(1, 3, 0, 2, 4)
        made[into, across] = METHODS[method](windows, dtype).astype(dtype)
    return made


def below(
    above: np.ndarray, came: np.ndarray, method: str, factors: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The level below one, and which of its planes came."""
    shape = [-(-extent // factor) for extent, factor in zip(above.shape, factors, strict=True)]
    made, there = np.zeros(shape, above.dtype), np.zeros(shape[:-2], bool)
    for index in np.ndindex(*shape[:-2]):
        window = tuple(slice(at * by, (at + 1) * by) for at, by in zip(index, factors, strict=False))
        planes, have = above[window].reshape(-1, *above.shape[-2:]), came[window].reshape(-1)
        if not have.any():
            continue
        there[index] = True
        if method == "nearest" and not have[0]:
            continue
        made[index] = plane(planes[have], method, (factors[-2], factors[-1]))
    return made, there


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def first_difference(found: np.ndarray, made: np.ndarray) -> str:
    differs = found != made
    if made.dtype.kind == "f":
        differs &= ~(np.isnan(found) & np.isnan(made))
    at = tuple(int(n) for n in np.argwhere(differs)[0])
    return f"pixel {list(at)}: expected {made[at]}, got {found[at]} ({int(differs.sum())} of {made.size} wrong)"


def factors_of(path: str, scales: Iterable[list[float]]) -> list[list[int]]:
    """Pixels of each level that become one of the level below, by their sizes."""
    steps = []
    for nth, (above, scale) in enumerate(itertools.pairwise(scales), 1):
        ratios = [size / before for size, before in zip(scale, above, strict=True)]
        step = [round(ratio) for ratio in ratios]
        if any(by < 1 or abs(ratio / by - 1) > 1e-9 for by, ratio in zip(step, ratios, strict=True)):
            raise Wrong(f"image {path!r}: pixels of level {nth} are {ratios} times as large as those above")
        steps.append(step)
    return steps


def check_levels(store: Path, path: str, reader: str, came: np.ndarray | None = None) -> int:
    """Compares every level below full resolution; returns how many pixels were compared. `came`: which planes of full
    resolution came."""
    entry = multiscales(store, path)
    datasets, ndim = entry["datasets"], len(axes_of(entry))
    if len(datasets) == 1:
        return 0
    method = entry.get("type")
    if method not in METHODS:
        raise Wrong(f"image {path!r}: levels are of type {method!r}, expected one of {sorted(METHODS)}")
    placed = [placement(dataset, ndim) for dataset in datasets]
    (full, first), pixels = placed[0], 0
    opened = READERS[reader](store, join(path, datasets[0]["path"]))
    above = opened.read(0, opened.shape[0])
    if came is None:
        came = above.reshape(*above.shape[:-2], -1).any(axis=-1)
    for nth, step in enumerate(factors_of(path, [scale for scale, _ in placed]), 1):
        where = f"image {path!r}, level {nth}"
        scale, translation = placed[nth]
        shift = [0.0 if method == "nearest" else (by / one - 1) / 2 * one for by, one in zip(scale, full, strict=True)]
        expected = [at + by for at, by in zip(first, shift, strict=True)]
        if not np.allclose(translation, expected, rtol=1e-12, atol=1e-12):
            raise Wrong(f"{where}: lies at {translation}, expected {expected}")
        opened = READERS[reader](store, join(path, datasets[nth]["path"]))
        found = opened.read(0, opened.shape[0])
        made, came = below(above, came, method, step)
        if (found.shape, found.dtype) != (made.shape, made.dtype):
            raise Wrong(f"{where}: {found.shape} {found.dtype}, expected {made.shape} {made.dtype}")
        if not same(found, made):
            raise Wrong(f"{where}, {method} of {step}: {first_difference(found, made)}")
        above, pixels = found, pixels + found.size
    return pixels


def main() -> None:
    pixels = 0
    for store in map(Path, sys.argv[1:]):
        for path in layout(store).images:
            pixels += check_levels(store, path, "zarr-python")
    print(f"{pixels} pixels of levels are as NumPy makes them")


if __name__ == "__main__":
    main()
