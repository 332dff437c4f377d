"""Fetches real TIFF files that published packages carry: those of their own tests, good and damaged.

    fetch_inputs.py FOLDER        for example target/images/inputs

Afterwards FOLDER holds a folder for each package with its TIFF, LSM and STK files, numbered names apart where two are
alike. Pillow (HPND), imread (MIT), flowdec (Apache-2.0), scikit-image (BSD-3-Clause), StarDist (BSD-3-Clause).
Prints how many files there are.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

PLATFORM = ["--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_24_x86_64"]
WHEEL = [*PLATFORM, "--platform=manylinux2014_x86_64", "--platform=any", "--python-version=3.11"]
PACKAGES = {
    "pillow==13.0.0": ["--no-binary=pillow"],
    "imread==0.7.6": WHEEL,
    "flowdec==1.1.0": WHEEL,
    "scikit-image==0.26.0": WHEEL,
    "stardist==0.9.2": WHEEL,
}
SUFFIXES = (".tif", ".tiff", ".lsm", ".stk")

# Written last: what is there is whole.
STAMP = "packages.txt"


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the images in a wheel or a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in sorted(wheel.namelist()):
                if name.lower().endswith(SUFFIXES):
                    yield name, wheel.read(name)
        return
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            if member.isfile() and member.name.lower().endswith(SUFFIXES):
                yield member.name, source.extractfile(member).read()


def fetch(folder: Path) -> None:
    for package, how in PACKAGES.items():
        name = package.split("==")[0]
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *how, "--dest", scratch, package]
            subprocess.run(command, check=True)
            into = folder / name
            into.mkdir(parents=True, exist_ok=True)
            for archive in Path(scratch).iterdir():
                for path, data in files(archive):
                    # The folder before the name: packages have several files of one name.
                    parts = Path(path).parts
                    (into / "_".join(parts[-2:])).write_bytes(data)
    (folder / STAMP).write_text("\n".join(PACKAGES))


def fetched(folder: Path) -> int:
    """Fetches what is missing; returns how many files there are."""
    stamp = folder / STAMP
    if not stamp.is_file() or stamp.read_text() != "\n".join(PACKAGES):
        folder.mkdir(parents=True, exist_ok=True)
        fetch(folder)
    return sum(path.suffix.lower() in SUFFIXES for path in folder.rglob("*"))


if __name__ == "__main__":
    print(fetched(Path(sys.argv[1])))
