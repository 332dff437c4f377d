"""Makes files as people have them, and says what must become of each.

    make_inputs.py FOLDER GROUP        one of the groups below

Prints a JSON list. Each entry has `line` (arguments of `ome-stream write`, before `-o`), and either `refused` (parts of
the message) or what is right: `pixels` (a file of little-endian pixels), `shape`, `dtype`, `axes`, and where it matters
`scale`, `units`, `translation`, `channels`, `positions` (names, in order; pixels are then those of each position, one
after another), `note` (part of a note). Pixels come from what was written and are compared with what tifffile reads.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import tifffile

FOLDER = Path()
CASES: list[dict] = []


def frames(*shape: int, dtype: str = "<u2") -> np.ndarray:
    """Every pixel has its own value, as far as the type goes."""
    return (np.arange(np.prod(shape)) * 7 % 60013).reshape(shape).astype(dtype)


def right(line: str, pixels: np.ndarray, axes: str, read: np.ndarray | None = None, **more: object) -> None:
    """The file must be taken, with these pixels along these axes; `read` is what tifffile makes of it."""
    if read is not None:
        np.testing.assert_array_equal(np.squeeze(read), np.squeeze(pixels))
    name = f"{len(CASES)}.pixels"
    little = pixels.astype(pixels.dtype.newbyteorder("<"))
    (FOLDER / name).write_bytes(np.ascontiguousarray(little).tobytes())
    CASES.append({"line": line, "pixels": name, "shape": list(pixels.shape), "dtype": pixels.dtype.name, "axes": axes, **more})


def refused(line: str, *parts: str) -> None:
    CASES.append({"line": line, "refused": parts})


def write(name: str, data: np.ndarray, **how: object) -> Path:
    path = FOLDER / name
    path.parent.mkdir(exist_ok=True)
    how.setdefault("photometric", "minisblack")
    how.setdefault("metadata", None)
    tifffile.imwrite(path, data, **how)
    return path


def by_hand(name: str, tags: list[tuple[int, int, list[int] | bytes]], pixels: bytes, pages: int = 1, big: bool = False) -> None:
    """A TIFF with exactly these tags (number, type, values) on each page; pixels of all pages are the same bytes."""
    order = ">" if big else "<"
    out = bytearray((b"MM" if big else b"II") + struct.pack(order + "HI", 42, 8))
    for page in range(pages):
        all_tags = {tag: (kind, values) for tag, kind, values in tags}
        directory = 2 + 12 * (len(all_tags) + 2) + 4
        start = len(out) + directory
        behind = bytearray()
        data_at = start + sum(len(v) + len(v) % 2 if isinstance(v, bytes) else 0 for _, v in all_tags.values() if len(v) > 4)
        for kind, values in list(all_tags.values()):
            if not isinstance(values, bytes) and len(values) * {3: 2, 4: 4}[kind] > 4:
                data_at += len(values) * {3: 2, 4: 4}[kind]
        all_tags[273] = (4, [data_at])
        all_tags[279] = (4, [len(pixels)])
        out += struct.pack(order + "H", len(all_tags))
        for tag, (kind, values) in sorted(all_tags.items()):
            code = {1: "B", 2: "s", 3: "H", 4: "I", 7: "B"}[kind]
            packed = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{code}", *values)
            count = len(packed) if isinstance(values, bytes) else len(values)
            out += struct.pack(order + "HHI", tag, kind, count)
            if len(packed) <= 4:
                out += packed.ljust(4, b"\0")
            else:
                out += struct.pack(order + "I", start + len(behind))
                behind += packed + b"\0" * (len(packed) % 2)
        end = data_at + len(pixels) + len(pixels) % 2
        out += struct.pack(order + "I", end if page + 1 < pages else 0)
        out += behind
        assert len(out) == data_at, (len(out), data_at)
        out += pixels + b"\0" * (len(pixels) % 2)
    (FOLDER / name).write_bytes(out)


def plain(rows: int, columns: int, bits: int = 16, **changed: tuple[int, int, list[int]]) -> list[tuple[int, int, list[int]]]:
    tags = {256: (4, [columns]), 257: (4, [rows]), 258: (3, [bits]), 259: (3, [1]), 262: (3, [1]), 278: (4, [rows])}
    tags.update({int(tag[1:]): (kind, values) for tag, (kind, values) in changed.items()})
    return [(tag, kind, values) for tag, (kind, values) in tags.items()]


def reversed_bits(data: bytes) -> bytes:
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


def lzw(data: bytes) -> bytes:
    """As libtiff packs, for fewer than 3800 different strings."""
    table, free, width, bits, known = {bytes([k]): k for k in range(256)}, 258, 9, f"{256:09b}", b""
    for byte in [*data, None]:
        longer = b"" if byte is None else known + bytes([byte])
        if longer in table:
            known = longer
            continue
        bits += f"{table[known]:0{width}b}"
        table[longer], free = free, free + 1
        width += free == 1 << width
        known = longer[-1:]
    bits += f"{257:0{width}b}"
    return int(bits.ljust((len(bits) + 7) // 8 * 8, "0"), 2).to_bytes((len(bits) + 7) // 8, "big")


def tags() -> None:
    """Tags that decide the pixels."""
    a = frames(8, 8)
    by_hand("fill.tif", plain(8, 8, t266=(3, [2])), reversed_bits(a.tobytes()))
    right("fill.tif", a, "yx")
    packed = reversed_bits(b"".join(bytes([15]) + row.tobytes() for row in a))
    by_hand("fillpack.tif", plain(8, 8, t266=(3, [2]), t259=(3, [32773])), packed)
    right("fillpack.tif", a, "yx")
    by_hand("filldeflate.tif", plain(8, 8, t266=(3, [2]), t259=(3, [8])), reversed_bits(zlib.compress(a.tobytes())))
    right("filldeflate.tif", a, "yx")
    for value in range(2, 9):
        by_hand(f"turned{value}.tif", plain(8, 8, t274=(3, [value])), a.tobytes())
        refused(f"turned{value}.tif", f"Orientation {value}", "auto-orient")
    by_hand("upright.tif", plain(8, 8, t274=(3, [1])), a.tobytes())
    right("upright.tif", a, "yx", tifffile.imread(FOLDER / "upright.tif"))
    by_hand("deep.tif", plain(8, 8, t32997=(4, [4])), a.tobytes())
    refused("deep.tif", "ImageDepth 4", "32997")
    by_hand("mask.tif", plain(8, 8, t254=(4, [4])), a.tobytes())
    refused("mask.tif", "transparency mask", "NewSubfileType")
    by_hand("white.tif", plain(8, 8, t262=(3, [0])), a.tobytes())
    refused("white.tif", "WhiteIsZero", "BlackIsZero")
    by_hand("none.tif", [tag for tag in plain(8, 8) if tag[0] != 262], a.tobytes())
    refused("none.tif", "PhotometricInterpretation")
    by_hand("root.tif", plain(8, 8, t33445=(4, [2])), a.tobytes())
    refused("root.tif", "FileTag", "square roots")
    by_hand("unknown.tif", plain(8, 8, t65001=(3, [1])), a.tobytes())
    right("unknown.tif", a, "yx", note="tag 65001")
    for number, codec, tool in [(34712, "JPEG 2000", "bfconvert"), (4, "fax group 4", "tiffcp"), (34925, "LZMA", "tiffcp"), (50002, "JPEG XL", "bfconvert")]:
        by_hand(f"codec{number}.tif", plain(8, 8, t259=(3, [number])), a.tobytes())
        refused(f"codec{number}.tif", codec, str(number), tool)
    by_hand("predicted.tif", plain(8, 8, t317=(3, [2])), a.tobytes())
    refused("predicted.tif", "Predictor 2")
    # libtiff and GDAL take the bits of floats for whole numbers here.
    data = (frames(8, 4) / 7).astype("<f4")
    packed = zlib.compress(np.diff(data.view("<u4"), axis=1, prepend=np.zeros((8, 1), "<u4")).astype("<u4").tobytes())
    by_hand("predictedfloat.tif", plain(8, 4, 32, t259=(3, [8]), t317=(3, [2]), t339=(3, [3])), packed)
    right("predictedfloat.tif", data, "yx")
    for dtype in ("u1", "<u2", "<u4"):
        for order, name in ("<", "le"), (">", "be"):
            data = frames(3, 20, 30, dtype=dtype)
            path = write(f"p2{data.dtype.name}{name}.tif", data, compression="zlib", predictor=2, byteorder=order, rowsperstrip=7)
            right(path.name, data, "tyx", tifffile.imread(path))
    for dtype in ("<f2", "<f4", "<f8"):
        # Bytes of a row side by side, the highest of all pixels first, each less the one before it.
        data = (frames(20, 30) / 7).astype(dtype)
        size = data.dtype.itemsize
        shuffled = np.moveaxis(data.astype(dtype.replace("<", ">")).view("u1").reshape(20, 30, size), 2, 1).reshape(20, -1)
        packed = zlib.compress(np.diff(shuffled, axis=1, prepend=np.zeros((20, 1), "u1")).astype("u1").tobytes())
        for big, name in (False, "le"), (True, "be"):
            by_hand(f"p3f{size}{name}.tif", plain(20, 30, 8 * size, t259=(3, [8]), t317=(3, [3]), t339=(3, [3])), packed, big=big)
            right(f"p3f{size}{name}.tif", data, "yx")
    data = frames(2, 50, 70)
    right(write("tiles.tif", data, tile=(16, 32), compression="zlib").name, data, "tyx", tifffile.imread(FOLDER / "tiles.tif"))
    # The last tiles are wider than what is left of the image.
    data = np.random.default_rng(1).integers(0, 120, (24, 37, 45)).astype("u1")
    path = FOLDER / "tileslzw.tif"
    with tifffile.TiffWriter(path) as out:
        for frame in data:
            out.write(frame, tile=(16, 32), photometric="minisblack", metadata=None, contiguous=False)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for nth, frame in enumerate(data):
            page = tiff.pages[nth]
            tiles = np.pad(frame, ((0, 11), (0, 19))).reshape(3, 16, 2, 32).swapaxes(1, 2).reshape(6, -1)
            packed = [lzw(tile.tobytes()) for tile in tiles]
            offset = tiff.filehandle.seek(0, 2)
            tiff.filehandle.write(b"".join(packed))
            page.tags[324].overwrite([offset + sum(map(len, packed[:k])) for k in range(6)])
            page.tags[325].overwrite([len(tile) for tile in packed])
            page.tags[259].overwrite(5)
    right(path.name, data, "tyx")
    # The third page has a compression that is not read: nothing may be made.
    with tifffile.TiffWriter(FOLDER / "third.tif") as out:
        for _ in range(3):
            out.write(a, metadata=None, photometric="minisblack", compression="zlib")
    with tifffile.TiffFile(FOLDER / "third.tif", mode="r+") as tiff:
        tiff.pages[2].tags[259].overwrite(34712)
    refused("third.tif", "page 2", "JPEG 2000")
    with tifffile.TiffWriter(FOLDER / "texts.tif") as out:
        for nth in range(3):
            out.write(a, metadata=None, photometric="minisblack", description=f"frame {nth}", datetime=f"2026:01:02 00:00:0{nth}", software="x")
    right("texts.tif", np.stack([a] * 3), "tyx", note="DateTime of pages after the first; ImageDescription of pages after the first")
    # Smaller copies, in the chain of pages and below a page.
    small, large = frames(4, 4), frames(8, 8)
    with tifffile.TiffWriter(FOLDER / "thumbs.tif") as out:
        for _ in range(3):
            out.write(large, metadata=None, photometric="minisblack")
            out.write(small, metadata=None, photometric="minisblack", subfiletype=1)
    right("thumbs.tif", np.stack([large] * 3), "tyx", note="smaller copies")
    with tifffile.TiffWriter(FOLDER / "below.tif") as out:
        out.write(large, metadata=None, photometric="minisblack", subifds=1)
        out.write(small, metadata=None, photometric="minisblack", subfiletype=1)
    right("below.tif", large, "yx", tifffile.imread(FOLDER / "below.tif"), note="SubIFDs")
    with tifffile.TiffWriter(FOLDER / "lost.tif") as out:
        out.write(large, metadata=None, photometric="minisblack", subifds=1)
        out.write(large, metadata=None, photometric="minisblack")
    refused("lost.tif", "SubIFDs")


def pixels() -> None:
    """Pixels of every kind."""
    truth = frames(3, 9, 13) % 3 == 0
    path = write("mask1.tif", truth)
    right(path.name, truth.astype("u1"), "tyx", tifffile.imread(path).astype("u1"))
    for bits in (4, 10, 12, 14):
        data = frames(6, 9) % (1 << bits)
        rows = [int("".join(f"{value:0{bits}b}" for value in row).ljust((9 * bits + 7) // 8 * 8, "0"), 2) for row in data]
        packed = b"".join(row.to_bytes((9 * bits + 7) // 8, "big") for row in rows)
        expected = data.astype("u1" if bits <= 8 else "<u2")
        by_hand(f"bits{bits}.tif", plain(6, 9, bits), packed)
        right(f"bits{bits}.tif", expected, "yx")
        by_hand(f"bits{bits}z.tif", plain(6, 9, bits, t259=(3, [8])), zlib.compress(packed), pages=2, big=True)
        right(f"bits{bits}z.tif", np.stack([expected] * 2), "tyx")
    color = frames(2, 20, 30, 3, dtype="u1")
    named = [["red", "FF0000"], ["green", "00FF00"], ["blue", "0000FF"]]
    for name, how in [("rgb", {}), ("rgbz", {"compression": "zlib", "predictor": True}), ("rgbtile", {"tile": (16, 16)})]:
        path = write(f"{name}.tif", color, photometric="rgb", **how)
        right(path.name, np.moveaxis(color, -1, 1), "tcyx", np.moveaxis(tifffile.imread(path), -1, 1), channels=named)
    planar = np.moveaxis(frames(2, 20, 30, 3), -1, 1)
    path = write("planar.tif", planar, photometric="rgb", planarconfig="separate", rowsperstrip=6)
    right(path.name, planar, "tcyx", tifffile.imread(path), channels=named)
    path = write("alpha.tif", frames(20, 30, 4, dtype="u1"), photometric="rgb", extrasamples=["unassalpha"])
    right(path.name, np.moveaxis(tifffile.imread(path), -1, 0), "cyx")
    # So many samples to a pixel that no compression packs them into the file.
    packed = zlib.compress(bytes(1 << 16))
    by_hand("samples.tif", plain(4096, 4096, 8, t259=(3, [8]), t258=(3, [8] * 200), t277=(3, [200])), packed)
    refused("samples.tif", "200 samples", "damaged")
    refused(write("complex.tif", frames(4, 4).astype("c8")).name, "complex")
    by_hand("palette.tif", plain(8, 8, 8, t262=(3, [3]), t320=(3, [0] * 768)), frames(8, 8, dtype="u1").tobytes())
    refused("palette.tif", "palette")


def imagej() -> None:
    """ImageJ and Fiji."""
    def hyper(name: str, data: np.ndarray, axes: str, **more: object) -> Path:
        metadata = {"axes": axes, **more.pop("metadata", {})}
        return write(name, data, imagej=True, metadata=metadata, **more)

    data = frames(5, 8, 8)
    um = {"spacing": 0.3, "unit": "um"}
    path = hyper("z.tif", data, "ZYX", resolution=(1 / 0.108, 1 / 0.108), metadata=um)
    right(path.name, data, "zyx", tifffile.imread(path), scale=[0.3, 0.108, 0.108], units=["micrometer"] * 3)
    data = frames(2, 3, 4, 8, 9)
    path = hyper("tzc.tif", data, "TZCYX", metadata={"finterval": 2.5, "spacing": 0.5, "unit": "\\u00B5m"}, resolution=(10, 5))
    right(
        path.name, np.moveaxis(data, 2, 1), "tczyx", np.moveaxis(tifffile.imread(path), 2, 1),
        scale=[2.5, 1, 0.5, 0.2, 0.1], units=["second", None, "micrometer", "micrometer", "micrometer"],
    )
    path = hyper("plain.tif", frames(4, 8, 9), "TYX")
    right(path.name, frames(4, 8, 9), "tyx", tifffile.imread(path), scale=[1, 1, 1], units=[None] * 3)
    luts = [np.stack([np.arange(256) * on for on in color]).astype("u1") for color in ((1, 0, 0), (0, 1, 1))]
    path = hyper("luts.tif", frames(2, 8, 9), "CYX", metadata={"LUTs": luts, "Labels": ["a", "b"]})
    right(path.name, frames(2, 8, 9), "cyx", tifffile.imread(path), channels=[["Channel 0", "FF0000"], ["Channel 1", "00FFFF"]], note="labels")
    color = frames(3, 8, 9, 3, dtype="u1")
    path = write("rgb.tif", color, imagej=True, photometric="rgb", metadata={"axes": "ZYXS"})
    right(path.name, np.moveaxis(color, -1, 0), "czyx", np.moveaxis(tifffile.imread(path), -1, 0))
    # One directory, pixels of the whole stack behind it: how Fiji writes more than 4 GiB.
    description = b"ImageJ=1.53t\nimages=6\nslices=3\nframes=2\nhyperstack=true\nspacing=2.0\nunit=nm\n\0"
    stack = frames(2, 3, 8, 8, dtype=">u2")
    by_hand("one.tif", plain(8, 8, t270=(2, description)), stack.tobytes(), big=True)
    right("one.tif", stack, "tzyx", tifffile.imread(FOLDER / "one.tif"), units=[None, "nanometer", None, None])
    by_hand("cut.tif", plain(8, 8, t270=(2, description)), stack.tobytes()[:-2], big=True)
    refused("cut.tif", "declares 6 images", "1 page(s)", "bytes")
    by_hand("wrong.tif", plain(8, 8, t270=(2, b"ImageJ=1.53t\nimages=7\nslices=3\nframes=2\n\0")), stack.tobytes(), big=True)
    refused("wrong.tif", "7 images", "= 6")
    by_hand("pages.tif", plain(8, 8, t270=(2, b"ImageJ=1.53t\nimages=6\nslices=6\n\0")), stack[0, 0].tobytes(), pages=4, big=True)
    refused("pages.tif", "declares 6 images", "4 page(s)", "-d")
    right("pages.tif -d t:4,y:8,x:8", np.stack([stack[0, 0]] * 4), "tyx", note="order of the file")
    lut = plain(8, 8, 8, t262=(3, [3]), t320=(3, [0] * 768), t270=(2, b"ImageJ=1.53t\nmin=0.0\nmax=255.0\n\0"))
    by_hand("lut.tif", lut, frames(8, 8, dtype="u1").tobytes())
    right("lut.tif", frames(8, 8, dtype="u1"), "yx", tifffile.imread(FOLDER / "lut.tif"), note="color map")


def shaped() -> None:
    """tifffile's own description, and resolution tags."""
    data = frames(2, 3, 8, 9)
    path = write("axes.tif", data, metadata={"axes": "TZYX"})
    right(path.name, data, "tzyx", tifffile.imread(path))
    path = write("behind.tif", data, metadata={"axes": "ZTYX"}, truncate=True)
    right(path.name, np.moveaxis(data, 1, 0), "tzyx", np.moveaxis(tifffile.imread(path), 1, 0))
    path = write("noaxes.tif", data[0], metadata={})
    right(path.name, data[0], "tyx", tifffile.imread(path), units=[None] * 3)
    # An axis that has no name of ours takes one that is left, and the others keep theirs.
    path = write("second.tif", data, metadata={"axes": "TQYX"})
    right(path.name, data, "tzyx", tifffile.imread(path), note="which of its axes is z")
    path = write("first.tif", data, metadata={"axes": "QTYX"})
    right(path.name, np.moveaxis(data, 1, 0), "tzyx", np.moveaxis(tifffile.imread(path), 1, 0), note="which of its axes is z")
    right("first.tif --axes ctyx", np.moveaxis(data, 1, 0), "tcyx")
    with tifffile.TiffWriter(FOLDER / "each.tif") as out:
        for frame in data[0]:
            out.write(frame, photometric="minisblack")
    right("each.tif", data[0], "tyx")
    with tifffile.TiffWriter(FOLDER / "two.tif") as out:
        for part in data:
            out.write(part, photometric="minisblack")
    refused("two.tif", "declares 3 images", "6 page(s)", "-d")
    right("two.tif -d t:2,z:3,y:8,x:9", data, "tzyx")
    path = write("cm.tif", data[0], resolution=(20000, 40000), resolutionunit="CENTIMETER")
    right(path.name, data[0], "tyx", scale=[1, 0.25, 0.5], units=[None, "micrometer", "micrometer"])
    path = write("dpi.tif", data[0], resolution=(72, 72), resolutionunit="INCH")
    right(path.name, data[0], "tyx", scale=[1, 1, 1], units=[None] * 3, note="72 pixels to the inch")
    path = write("nounit.tif", data[0], resolution=(9.26, 9.26), resolutionunit="NONE")
    right(path.name, data[0], "tyx", scale=[1, 1, 1], units=[None] * 3, note="no unit")
    told = "--pixel-size y:0.2um,x:200nm,t:2min"
    right(f"cm.tif {told}", data[0], "tyx", scale=[2, 0.2, 200], units=["minute", "micrometer", "nanometer"])
    right("axes.tif -d t:2,c:3,y:8,x:9 --channels DAPI:blue,GFP,RFP:#ff0000", data, "tcyx", channels=[["DAPI", "0000FF"], ["GFP", None], ["RFP", "FF0000"]])
    refused("axes.tif --channels a,b", "no axis c")
    refused("axes.tif --pixel-size c:1um", "no axis")


OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>{images}</OME>'
)


def image(z: int = 1, c: int = 1, t: int = 1, data: str = "", more: str = "", name: str = "", order: str = "XYZCT", x: int = 8, sizes: str = "") -> str:
    channels = more or "".join(f'<Channel ID="Channel:0:{k}" SamplesPerPixel="1"/>' for k in range(c))
    return (
        f'<Image ID="Image:0" Name="{name}"><Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint16" SizeX="{x}" SizeY="8" '
        f'SizeZ="{z}" SizeC="{c}" SizeT="{t}"{sizes}>{channels}{data}</Pixels></Image>'
    )


def ome_file(name: str, planes: np.ndarray, *images: str, uuid: str = "", **how: object) -> Path:
    # tifffile takes what it does not know as text.
    xml = OME.format(images="".join(images), uuid=f' UUID="urn:uuid:{uuid}"' if uuid else "")
    return write(name, planes, description=xml.encode(), **how)


def ome() -> None:
    """OME-TIFF: one file, and sets of several."""
    marked = lambda *values: np.stack([np.full((8, 8), value, "<u2") for value in values])  # noqa: E731
    order = "".join(f'<TiffData IFD="{i}" FirstZ="{z}" PlaneCount="1"/>' for i, z in enumerate((2, 0, 1)))
    path = ome_file("order.ome.tif", marked(12, 10, 11), image(3, data=order))
    right(path.name, marked(10, 11, 12), "zyx", tifffile.imread(path))
    ome_file("short.ome.tif", marked(1, 2, 3), image(10, data='<TiffData IFD="0" PlaneCount="10"/>'))
    refused("short.ome.tif", "pages 0 to 9", "3 page(s)")
    ome_file("missing.ome.tif", marked(1, 2), image(3, data='<TiffData IFD="0" PlaneCount="2"/>'))
    refused("missing.ome.tif", "3 planes", "name 2", "1 are missing")
    ome_file("extra.ome.tif", marked(1, 2, 3), image(2, data='<TiffData IFD="0" PlaneCount="2"/>'))
    refused("extra.ome.tif", "2 of the 3 pages")
    ome_file("twice.ome.tif", marked(1, 2), image(2, data='<TiffData IFD="0" PlaneCount="2"/><TiffData IFD="1" FirstZ="0"/>'))
    refused("twice.ome.tif", "two places")
    ome_file("size.ome.tif", marked(1, 2), image(2, x=9, data="<TiffData/>"))
    refused("size.ome.tif", "8 x 9 pixels", "8 x 8 pixels")
    for theirs, ours in [("int16", "uint16"), ("float", "uint16"), ("uint8", "uint16")]:
        ome_file(f"{theirs}.ome.tif", marked(1, 2), image(2, data="<TiffData/>").replace("uint16", theirs))
        refused(f"{theirs}.ome.tif", f"type {theirs}", f"a page has 8 x 8 pixels of {ours}", "-d")
    right("int16.ome.tif -d z:2,y:8,x:8", marked(1, 2), "zyx", note="type int16")
    path = ome_file("float32.ome.tif", marked(1, 2).astype("<f4"), image(2, data="<TiffData/>").replace("uint16", "float"))
    right(path.name, marked(1, 2).astype("<f4"), "zyx", tifffile.imread(path))
    ome_file("many.ome.tif", marked(1, 2), image(2, t=30_000_000, data="<TiffData/>"))
    refused("many.ome.tif", "more planes", "SizeT 30000000")
    ome_file("broken.ome.tif", marked(1), "<Image><Pixels>")
    refused("broken.ome.tif", "OME-XML cannot be read")
    for order in ("XYZCT", "XYZTC", "XYCZT", "XYCTZ", "XYTCZ", "XYTZC"):
        path = ome_file(f"{order}.ome.tif", frames(24, 8, 8), image(2, 3, 4, order=order, data="<TiffData/>"))
        read = tifffile.imread(path)
        with tifffile.TiffFile(path) as tiff:
            axes = tiff.series[0].axes
        expected = np.transpose(read, [axes.index(axis) for axis in "TCZYX"])
        right(path.name, expected, "tczyx")
    with tifffile.TiffWriter(FOLDER / "positions.ome.tif", ome=True) as out:
        for k in range(3):
            out.write(frames(3, 8, 8) + k, metadata={"axes": "ZYX", "Name": f"Pos{k}"}, photometric="minisblack")
    right("positions.ome.tif", np.stack([frames(3, 8, 8) + k for k in range(3)]), "zyx", positions=["Pos0", "Pos1", "Pos2"])
    with tifffile.TiffWriter(FOLDER / "unlike.ome.tif", ome=True) as out:
        for k in range(2):
            out.write(frames(3 + k, 8, 8), metadata={"axes": "ZYX"}, photometric="minisblack")
    refused("unlike.ome.tif", "not alike", "SizeZ 3", "SizeZ 4", "bfconvert -series 1")
    # What is known beside.
    rich = {
        "axes": "TCZYX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 200, "PhysicalSizeYUnit": "nm",
        "PhysicalSizeZ": 1.5, "TimeIncrement": 500, "TimeIncrementUnit": "ms",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "Plane": {"PositionX": [12.5] * 12, "PositionXUnit": ["µm"] * 12, "DeltaT": [0.5 * k for k in range(12)]},
    }
    data = frames(2, 2, 3, 8, 8)
    path = write("rich.ome.tif", data, ome=True, metadata=rich)
    right(
        path.name, data, "tczyx", tifffile.imread(path), scale=[500, 1, 1.5, 200, 0.1],
        units=["millisecond", None, "micrometer", "nanometer", "micrometer"], channels=[["DAPI", None], ["GFP", None]],
        translation=[0, 0, 0, 0, 12.5], frame_metadata=[0, "delta_t", 0.5, 1],
    )
    color = '<Channel ID="Channel:0:0" Name="red one" Color="-16776961" SamplesPerPixel="1"/><Channel ID="Channel:0:1" Name="other" SamplesPerPixel="1"/>'
    path = ome_file("color.ome.tif", marked(1, 2), image(c=2, more=color, data="<TiffData/>"))
    right(path.name, marked(1, 2), "cyx", channels=[["red one", "FF0000"], ["other", None]])
    rgb = frames(2, 8, 8, 3, dtype="u1")
    path = write("rgb.ome.tif", rgb, ome=True, photometric="rgb", metadata={"axes": "ZYXS"})
    right(path.name, np.moveaxis(rgb, -1, 0), "czyx", np.moveaxis(tifffile.imread(path), -1, 0))
    path = write("pyramid.ome.tif", frames(3, 64, 64), ome=True, metadata={"axes": "ZYX"}, tile=(16, 16))
    with tifffile.TiffWriter(FOLDER / "pyramid.ome.tif", ome=True) as out:
        out.write(frames(3, 64, 64), metadata={"axes": "ZYX"}, photometric="minisblack", subifds=1)
        out.write(frames(3, 64, 64)[:, ::2, ::2], photometric="minisblack", subfiletype=1)
    right("pyramid.ome.tif", frames(3, 64, 64), "zyx", tifffile.imread(FOLDER / "pyramid.ome.tif"), note="SubIFDs")
    # Sets of files.
    uuid = "00000000-0000-0000-0000-00000000000{}".format
    parts = "".join(
        f'<TiffData IFD="0" FirstT="{3 * k}" PlaneCount="3"><UUID FileName="part{k}.ome.tif">urn:uuid:{uuid(k)}</UUID></TiffData>' for k in (0, 1)
    )
    for k in (0, 1):
        ome_file(f"set/part{k}.ome.tif", frames(6, 8, 8)[3 * k : 3 * k + 3], image(t=6, data=parts), uuid=uuid(k))
    for k in (0, 1):
        right(f"set/part{k}.ome.tif", frames(6, 8, 8), "tyx", tifffile.imread(FOLDER / "set/part0.ome.tif"))
    ome_file("half/part0.ome.tif", frames(3, 8, 8), image(t=6, data=parts), uuid=uuid(0))
    refused("half/part0.ome.tif", "several files", "part1.ome.tif")
    ome_file("other/part0.ome.tif", frames(3, 8, 8), image(t=6, data=parts), uuid=uuid(0))
    ome_file("other/part1.ome.tif", frames(3, 8, 8), image(t=6, data=parts), uuid=uuid(9))
    refused("other/part0.ome.tif", "another set")
    binary = '<BinaryOnly MetadataFile="part0.ome.tif" UUID="urn:uuid:{}"/>'.format(uuid(0))
    ome_file("binary/part0.ome.tif", frames(6, 8, 8)[:3], image(t=6, data=parts), uuid=uuid(0))
    ome_file("binary/part1.ome.tif", frames(6, 8, 8)[3:], binary, uuid=uuid(1))
    right("binary/part1.ome.tif", frames(6, 8, 8), "tyx", tifffile.imread(FOLDER / "binary/part0.ome.tif"))
    ome_file("companion/a.ome.tif", frames(6, 8, 8)[:3], binary.replace("part0.ome.tif", "x.companion.ome"), uuid=uuid(0))
    ome_file("companion/b.ome.tif", frames(6, 8, 8)[3:], binary.replace("part0.ome.tif", "x.companion.ome"), uuid=uuid(1))
    named_parts = parts.replace("part0", "a").replace("part1", "b")
    (FOLDER / "companion/x.companion.ome").write_text(OME.format(images=image(t=6, data=named_parts), uuid=""), "utf-8")
    right("companion/b.ome.tif", frames(6, 8, 8), "tyx")
    ome_file("lost/b.ome.tif", frames(3, 8, 8), binary, uuid=uuid(1))
    refused("lost/b.ome.tif", "part0.ome.tif")


def stk() -> None:
    """MetaMorph, ScanImage, LSM: by hand, as tifffile writes none of them."""
    data = frames(4, 8, 8)

    def stack(name: str, z: list[int], times: list[int], count: int = 4, pixels: np.ndarray = data) -> None:
        # UIC2 has six numbers for each plane, and says that it has one quotient for each.
        stamps = b"".join(struct.pack("<6I", z[k], 1000, 2459000, times[k], 2459000, times[k]) for k in range(count))
        tags = plain(8, 8)
        out = bytearray(b"II" + struct.pack("<HI", 42, 8))
        entries = len(tags) + 3
        behind = 8 + 2 + 12 * entries + 4
        units = b"\x03\0\0\0um\0\0"
        uic1_at = behind + len(stamps)
        calibration_at = uic1_at + 3 * 8
        calibration = struct.pack("<2I", 65, 1000) + units
        data_at = calibration_at + len(calibration)
        all_tags = [(tag, kind, 1, values[0]) for tag, kind, values in tags]
        all_tags += [(273, 4, 1, data_at), (279, 4, 1, 128), (33628, 4, 3, uic1_at), (33629, 5, count, behind)]
        out += struct.pack("<H", len(all_tags))
        shift = (len(all_tags) - entries) * 12
        for tag, kind, n, value in sorted(all_tags):
            value = value + shift if tag in (273, 33628, 33629) else value
            out += struct.pack("<HHII" if kind != 3 else "<HHIHxx", tag, kind, n, value)
        out += struct.pack("<I", 0) + stamps
        out += struct.pack("<6I", 4, calibration_at + shift, 5, calibration_at + shift, 6, calibration_at + shift + 8)
        out += calibration + pixels.tobytes()
        (FOLDER / name).write_bytes(out)

    stack("z.stk", [250] * 4, [5] * 4)
    known = {"scale": [0.25, 0.065, 0.065], "units": ["micrometer"] * 3, "note": "MetaMorph's settings"}
    right("z.stk", data, "zyx", tifffile.imread(FOLDER / "z.stk"), **known)
    stack("one.stk", [250], [5], count=1, pixels=data[:1])
    known = {"scale": [0.065, 0.065], "units": ["micrometer"] * 2, "note": "MetaMorph's settings"}
    right("one.stk", data[0], "yx", tifffile.imread(FOLDER / "one.stk"), **known)
    stack("t.stk", [0] * 4, [1000, 3000, 5000, 7000])
    right("t.stk", data, "tyx", tifffile.imread(FOLDER / "t.stk"), scale=[2, 0.065, 0.065], units=["second", "micrometer", "micrometer"])
    stack("t.tif", [0] * 4, [1000, 3000, 5000, 7000])
    right("t.tif", data, "tyx")
    stack("cut.stk", [250] * 4, [5] * 4, pixels=data[:3])
    refused("cut.stk", "declares 4 images", "bytes")
    raw = np.frombuffer((FOLDER / "t.stk").read_bytes(), "u1").reshape(-1, 1, 2)
    right("t.stk -t raw -d t:inf,y:1,x:2 --dtype uint8", raw, "tyx")
    software = "SI.hChannels.channelSave = [1;2]\nSI.hStackManager.framesPerSlice = 3\nSI.hStackManager.numSlices = 2\nSI.hRoiManager.scanFrameRate = 10"
    planes = frames(2, 3, 2, 8, 8)
    write("si.tif", planes.reshape(12, 8, 8), software=software)
    right("si.tif", np.moveaxis(planes, (1, 2), (0, 1)), "tczyx", scale=[0.1, 1, 1, 1, 1], units=["second", None, None, None, None])
    write("sishort.tif", planes.reshape(12, 8, 8)[:11], software=software)
    refused("sishort.tif", "= 12 images", "11 pages")
    info = struct.pack("<8i", 50350412, 500, 8, 8, 3, 2, 2, 1) + struct.pack("<2i6d", 4, 4, 1e-7, 2e-7, 1e-6, 0, 0, 0) + bytes(24)
    info += struct.pack("<d", 1.5) + bytes(264 - len(info) - 8)
    planes = frames(2, 3, 2, 8, 8)
    with tifffile.TiffWriter(FOLDER / "a.lsm") as out:
        for nth, page in enumerate(planes.reshape(6, 2, 8, 8)):
            tags = [(34412, 1, len(info), info, False)] if nth == 0 else []
            out.write(page, planarconfig="separate", photometric="minisblack", metadata=None, extratags=tags)
            out.write(page[:, ::2, ::2], planarconfig="separate", photometric="minisblack", metadata=None, subfiletype=1)
    right("a.lsm", np.moveaxis(planes, 2, 1), "tczyx", scale=[1.5, 1, 1, 0.2, 0.1], units=["second", None] + ["micrometer"] * 3)


def arrays() -> None:
    """NumPy: order of bytes and axes, archives, truth values."""
    def save(name: str, data: np.ndarray) -> str:
        np.save(FOLDER / name, data)
        return name

    data = frames(3, 5, 7)
    right(save("big.npy", data.astype(">u2")), data, "tyx")
    right(save("fortran.npy", np.asfortranarray(data)), data, "tyx")
    right(save("fortran5.npy", np.asfortranarray(frames(2, 3, 4, 5, 7).astype(">f4"))), frames(2, 3, 4, 5, 7).astype("<f4"), "tczyx")
    right(save("fortran2.npy", np.asfortranarray(data[0])), data[0], "yx")
    right(save("truth.npy", data % 2 == 0), (data % 2 == 0).astype("u1"), "tyx")
    right(save("truth2.npy", np.asfortranarray(data % 2 == 0)), (data % 2 == 0).astype("u1"), "tyx")
    np.savez(FOLDER / "one.npz", data)
    np.savez_compressed(FOLDER / "deflated.npz", image=np.asfortranarray(data))
    np.savez(FOLDER / "two.npz", a=data, b=data)
    right("one.npz", data, "tyx")
    right("deflated.npz", data, "tyx")
    refused("two.npz", "2 arrays", "a, b")
    refused(save("complex.npy", data.astype("c8")), "<c8")


def foreign() -> None:
    """First bytes decide, not names."""
    a = frames(4, 4)
    shape = "-d t:inf,y:1,x:2 --dtype uint8"
    for name, first, parts in [
        ("a.raw", b"\x89HDF\r\n\x1a\n", ["HDF5"]),
        ("a.dat", b"\x89PNG\r\n\x1a\n", ["PNG"]),
        ("b.raw", b"\xff\xd8\xff\xe0\0\x10JFIF", ["JPEG"]),
        ("c.raw", b"ZISRAWFILE\0\0", ["CZI", "bfconvert"]),
        ("d.raw", b"\xda\xce\xbe\x0a\0\0\0\0", ["ND2", "bfconvert"]),
        ("e.raw", b"PK\x03\x04 not an archive", ["ZIP"]),
        ("f.raw", b"\xff\xd8\xff\xe2\0\x10ICC_PROFILE\0", ["JPEG"]),
        ("g.raw", b"\xff\xd8\xff\xc0", ["JPEG"]),
        ("h.raw", b"MATLAB 7.3 MAT-file", ["MATLAB"]),
        ("i.raw", b"\x70\0\0\0\x10\0\0\0\x2a", ["LIF", "bfconvert"]),
        ("j.raw", b"RIFF\0\0\0\0WEBPVP8 ", ["WebP"]),
        ("k.raw", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", ["BMP"]),
        ("l.raw", bytes(128) + b"DICM", ["DICOM", "bfconvert"]),
    ]:
        (FOLDER / name).write_bytes(first + bytes(64))
        refused(f"{name} {shape}", *parts)
    right("a.dat -t raw -d t:36,y:1,x:2 --dtype uint8", np.frombuffer((FOLDER / "a.dat").read_bytes(), "u1").reshape(36, 1, 2), "tyx")
    write("tiff.raw", a)
    right("tiff.raw", a, "yx")
    np.save(FOLDER / "array.tif.npy", a)
    (FOLDER / "array.tif.npy").rename(FOLDER / "array.tif")
    right("array.tif", a, "yx")


def folders() -> None:
    """Folders: single frames in natural order, NDTiff data sets."""
    data = frames(12, 8, 8)
    for nth in range(12):
        write(f"frames/f{nth}.tif", data[nth], resolution=(10000, 10000), resolutionunit="CENTIMETER")
    (FOLDER / "frames/notes.txt").write_text("not a frame")
    right("frames", data, "tyx", scale=[1, 1, 1], units=[None, "micrometer", "micrometer"])
    right("frames --axes zyx", data, "zyx")
    write("unlike/a.tif", data[0])
    write("unlike/b.tif", data[0, :4])
    refused("unlike", "b.tif", "4 x 8")
    write("stacks/a.tif", data[:2])
    refused("stacks", "a.tif", "2 frames")
    (FOLDER / "empty").mkdir()
    refused("empty", "without TIFF files")

    def nd_tiff(name: str, places: list[dict], frames: np.ndarray, pixel_type: int = 1, **summary: object) -> None:
        folder = FOLDER / name
        folder.mkdir()
        summary = json.dumps({"z-step_um": 0.4, "StartTime": "2026-01-02", **summary}).encode()
        out = bytearray(b"II*\0" + struct.pack("<6I", 0, 483729, 3, 3, 2355492, len(summary)) + summary)
        index = b""
        for nth, (place, frame) in enumerate(zip(places, frames, strict=True)):
            metadata = json.dumps({"Camera": "A", "ElapsedTime-ms": 100 * nth, "PixelSizeUm": 0.5, "XPosition_um_Intended": nth}).encode()
            pixels, told = len(out), len(out) + frame.nbytes
            out += frame.tobytes() + metadata
            axes, file = json.dumps(place).encode(), b"x_NDTiffStack.tif"
            index += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(file)) + file
            index += struct.pack("<8I", pixels, 8, 8, pixel_type, 0, told, len(metadata), 0)
        (folder / "x_NDTiffStack.tif").write_bytes(out)
        (folder / "NDTiff.index").write_bytes(index)

    places = [{"time": t, "channel": c, "z": z} for t in range(2) for z in range(3) for c in ("DAPI", "GFP")]
    nd_tiff("nd", places, data)
    expected = np.moveaxis(data.reshape(2, 3, 2, 8, 8), 2, 1)
    # Of times nothing but those of the frames is told: six of them, 0.1 s apart, make a time point.
    known = {"scale": [0.6, 1, 0.4, 0.5, 0.5], "units": ["second", None] + ["micrometer"] * 3}
    for line in ("nd", "nd/x_NDTiffStack.tif"):
        told = {"frame_metadata": [0, "delta_t", 0.1, 1], "note": "metadata of frames (Camera)"}
        right(line, expected, "tczyx", channels=[["DAPI", None], ["GFP", None]], **told, **known)
    # Channels that are counted have their names in the summary.
    places = [{"time": t, "channel": c, "z": z} for t in range(2) for z in range(3) for c in range(2)]
    nd_tiff("counted", places, data, Interval_ms=1500, ChNames=["DAPI", "GFP"], ChColors=[-16776961, -16711936])
    known = {"scale": [1.5, 1, 0.4, 0.5, 0.5], "units": ["second", None] + ["micrometer"] * 3}
    right("counted", expected, "tczyx", channels=[["DAPI", "0000FF"], ["GFP", "00FF00"]], **known)
    places = [{"time": t, "row": row, "column": column} for t in range(3) for row in range(2) for column in range(2)]
    nd_tiff("tiles", places, data)
    right("tiles", np.moveaxis(data.reshape(3, 4, 8, 8), 1, 0), "tyx", positions=["column0_row0", "column0_row1", "column1_row0", "column1_row1"], order=[0, 2, 1, 3])
    nd_tiff("gaps", [{"time": t, "z": z} for t in range(4) for z in range(3)][:-1], data[:-1])
    refused("gaps", "= 12 frames", "holds 11", "-d")
    right("gaps -d t:inf,y:8,x:8", data[:-1], "tyx", note="order in which they were written")
    right("gaps -d t:11,y:8,x:8", data[:-1], "tyx", note="holds 11")
    (FOLDER / "alone").mkdir()
    (FOLDER / "alone/x.tif").write_bytes((FOLDER / "nd/x_NDTiffStack.tif").read_bytes())
    refused("alone/x.tif", "NDTiff.index")


GROUPS = {group.__name__: group for group in (tags, pixels, imagej, shaped, ome, stk, arrays, foreign, folders)}


def main() -> int:
    global FOLDER
    FOLDER = Path(sys.argv[1])
    GROUPS[sys.argv[2]]()
    print(json.dumps(CASES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
