"""Reads OME-XML documents with ome-types, against the schema of the OME model 2016-06, and compares their planes.

    ome_xml.py MANIFEST        a JSON file: [{"path", "images": {name: [plane, ..]}, "time_increment"}, ..]

A plane has `z`, `t`, `c` and those of `delta_t`, `exposure_time`, `position_x`, `position_y`, `position_z` that are
known (seconds and micrometers). Prints one line for each document; exit code 1 where one says anything else.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ome_types import from_xml
from ome_types.model import Plane

SECONDS, MICROMETERS = ("delta_t", "exposure_time"), ("position_x", "position_y", "position_z")


def told(plane: Plane) -> dict[str, Any]:
    """What a plane says, in the words of the manifest."""
    found: dict[str, Any] = {"z": plane.the_z, "t": plane.the_t, "c": plane.the_c}
    for names, symbol in ((SECONDS, "s"), (MICROMETERS, "µm")):
        for name in names:
            if (value := getattr(plane, name)) is None:
                continue
            unit = getattr(plane, f"{name}_unit").value
            found[name] = value if unit == symbol else f"{value} {unit}"
    return found


def problems(wanted: dict[str, Any]) -> list[str]:
    """Where a document differs from what was sent."""
    document = from_xml(Path(wanted["path"]), validate=True)
    images = {image.name: image.pixels for image in document.images}
    if list(images) != list(wanted["images"]):
        return [f"images: expected {list(wanted['images'])}, got {list(images)}"]
    wrong = []
    for name, planes in wanted["images"].items():
        pixels = images[name]
        found = [told(plane) for plane in pixels.planes]
        if found != planes:
            wrong.append(f"{name}: expected {planes}, got {found}")
        if pixels.time_increment != wanted["time_increment"] or pixels.time_increment_unit.value != "s":
            wrong.append(f"{name}: time increment {pixels.time_increment} {pixels.time_increment_unit.value}")
    return wrong


def main() -> int:
    failed = False
    for wanted in json.loads(Path(sys.argv[1]).read_text()):
        wrong = problems(wanted)
        print(f"{wanted['path']}: {'; '.join(wrong) or 'right'}")
        failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
