"""Fetches two real microscope images that a published package carries, and the TIFF files of fetch_inputs.py.

    fetch_images.py FOLDER        for example target/images

Afterwards FOLDER holds img2d.tif (512 x 512, uint16, uncompressed) and img3d.tif (31 x 61 x 57, uint16, deflate),
both from the test data of StarDist (PyPI, BSD-3-Clause; Schmidt et al. 2018, Weigert et al. 2020). What is there
already, and whole, is kept. Its folder inputs holds what fetch_inputs.py fetches.
Prints one line per image: path and sha256.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import fetch_inputs

PACKAGE = "stardist==0.9.2"
IMAGES = {
    "img2d.tif": "f9ccc1571b92c861ff87e28463068b43f61bd47357ed0503f711e5cd1eb97750",
    "img3d.tif": "f5626d500c7a738cd321698f43df36e2ac149d98456579c5cbcf8af48c7253e8",
}
FOLDER_IN_WHEEL = "stardist/data/images"
# The images are the same in every wheel: one fixed platform spares us a build where there is no wheel for ours.
WHEEL = ["--no-deps", "--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=3.11"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def whole(path: Path) -> bool:
    """The image is there and is the one we know."""
    return path.is_file() and sha256(path.read_bytes()) == IMAGES[path.name]


def fetch(folder: Path) -> None:
    """Downloads the wheel and takes the images out of it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", *WHEEL, "--dest", scratch, PACKAGE]
        subprocess.run(command, check=True)
        wheels = list(Path(scratch).glob("*.whl"))
        if len(wheels) != 1:
            raise SystemExit(f"pip download {PACKAGE} gave {[w.name for w in wheels]}, expected one wheel")
        with zipfile.ZipFile(wheels[0]) as wheel:
            for name, expected in IMAGES.items():
                data = wheel.read(f"{FOLDER_IN_WHEEL}/{name}")
                if sha256(data) != expected:
                    raise SystemExit(f"{name} in {wheels[0].name} has sha256 {sha256(data)}, expected {expected}")
                partial = folder / f".{name}.part"
                partial.write_bytes(data)
                partial.replace(folder / name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    if not all(whole(folder / name) for name in IMAGES):
        fetch(folder)
    fetch_inputs.fetched(folder / "inputs")
    for name in IMAGES:
        print(folder / name, IMAGES[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
