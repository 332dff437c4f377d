"""Reads OME-Zarr stores back with foreign readers, and lets foreign validators judge them.

    check_store.py [MANIFEST|-]        one manifest, one report; exit code 0 all right, 1 something is wrong,
                                       2 the manifest itself is wrong
    check_store.py --lines             one manifest per line of stdin, one report per line of stdout
    check_store.py --validate PATH..   no expectations: the validators only

Manifest (JSON):

    {"stores": [{
        "path": "/tmp/run.ome.zarr",
        "readers": ["zarr-python", "tensorstore"],                          default: both
        "validators": ["own", "yaozarrs", "ome-zarr-models", "ngff-zarr"],  default: all that know the version
        "openers": ["napari-ome-zarr", "ome-zarr-py"],   default: those that this Python has, where all validators judge
        "scene": ["tile_0", "tile_1"],      images that lie on one stage; no check where it is absent
        "allow_warnings": false,            a validator's warning (a rule that says SHOULD) is a failure otherwise
        "positions": [{                     an array: one level of one image
            "path": "",                     image group, relative to the store; "" is the root
            "level": "0",                   default "0"
            "shape": [3, 64, 64], "dtype": "uint16", "axes": ["t", "y", "x"],
            "expect": {"kind": "coords", "frames": [0, 1, null]},           see pixels.py
            "scale": [..], "translation": [..], "units": [..], "channels": [..], "levels": 1,    each optional
            "method": "mean", "scales": [[..], ..], "translations": [[..], ..]     of all levels, each optional
        }]
    }]}

A bare list of stores, or a single store, is a manifest too. All level-0 positions of a store must be named, or
none: an image that nobody expects is an error.

Report (JSON): {"ok", "stores": [{"path", "ok", "version", "checks": [{"check", "position", "ok", "seconds",
"pixels" | "message"}], "warnings": []}], "failures": ["store: check: message", ..]}
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from levels import check_levels
from openers import OPENERS, can_open
from pixels import difference, expectation, frame_map
from readers import READERS
from structure import Layout, Wrong, axes_of, check_scene, join, layout, multiscales, ome, placement
from validators import ABLE, VALIDATORS, documents, judge

STORE_FIELDS = {"path", "readers", "validators", "openers", "positions", "allow_warnings", "scene"}
POSITION_FIELDS = {
    "path", "level", "shape", "dtype", "axes", "expect", "scale", "translation", "units", "channels", "levels",
    "method", "scales", "translations",
}  # fmt: skip


class BadManifest(Exception):
    """The manifest, not the store, is wrong."""


def read_pixels(store: Path, position: dict[str, Any], reader: str) -> int:
    """Compares shape, dtype, dimension names and every pixel; returns how many pixels were compared."""
    try:
        want = expectation(position["shape"], position["dtype"], position["expect"])
    except (ValueError, TypeError, OSError) as error:
        raise BadManifest(f"position {position.get('path')!r}: {error}") from error
    array = READERS[reader](store, join(position.get("path", ""), position.get("level", "0")))
    if tuple(array.shape) != want.shape:
        raise Wrong(f"shape: expected {list(want.shape)}, got {list(array.shape)}")
    if array.dtype != want.dtype:
        raise Wrong(f"dtype: expected {want.dtype}, got {array.dtype}")
    axes = position.get("axes")
    if axes is not None and array.names is None and (store / "zarr.json").is_file():
        raise Wrong(f"dimension names: expected {axes}, got none")
    if axes is not None and array.names is not None and list(array.names) != list(axes):
        raise Wrong(f"dimension names: expected {axes}, got {list(array.names)}")
    for start, stop in want.slabs(max(1, array.stored)):
        wrong = difference(array.read(start, stop), want.pixels(start, stop), start)
        if wrong:
            raise Wrong(wrong)
    return math.prod(want.shape)


def levels(store: Path, position: dict[str, Any], reader: str) -> int:
    """Compares the levels below full resolution with what NumPy makes of it."""
    came = frame_map(position["expect"].get("frames"), tuple(position["shape"])) >= 0
    return check_levels(store, position.get("path", ""), reader, came)


def check_metadata(store: Path, position: dict[str, Any]) -> None:
    """Compares axes, scale, translation, units, channel names and number of levels with what was expected."""
    path = position.get("path", "")
    entry = multiscales(store, path)
    axes, datasets = axes_of(entry), entry["datasets"]
    level = position.get("level", "0")
    dataset = next((d for d in datasets if d["path"] == level), None)
    if dataset is None:
        raise Wrong(f"level {level!r} is not among the datasets {[d['path'] for d in datasets]}")
    scale, translation = placement(dataset, len(axes))
    channels = (ome(store, path)[1].get("omero") or {}).get("channels")
    found = {
        "axes": [axis["name"] for axis in axes],
        "units": [axis.get("unit") for axis in axes],
        "scale": scale,
        "translation": translation,
        "levels": len(datasets),
        "method": entry.get("type"),
        "scales": [placement(dataset, len(axes))[0] for dataset in datasets],
        "translations": [placement(dataset, len(axes))[1] for dataset in datasets],
        "channels": [channel.get("label") for channel in channels] if channels is not None else None,
    }
    for name, got in found.items():
        if name in position and position[name] != got:
            raise Wrong(f"{name}: expected {position[name]}, got {got}")


def check_positions(found: Layout, positions: list[dict[str, Any]]) -> None:
    """The store lists exactly the images that are expected."""
    expected = {p.get("path", "") for p in positions}
    if expected != set(found.images):
        raise Wrong(f"images: expected {sorted(expected)}, the store lists {sorted(found.images)}")


def run(checks: list[dict[str, Any]], check: str, position: str | None, work: Any) -> Any:
    """Runs one check and files its outcome. A foreign library may raise anything: all of it is a finding."""
    entry: dict[str, Any] = {"check": check, "ok": True}
    if position is not None:
        entry["position"] = position
    began = time.perf_counter()
    result = None
    try:
        result = work()
    except BadManifest:
        raise
    except Wrong as error:
        entry |= {"ok": False, "message": str(error)}
    except Exception as error:
        entry |= {"ok": False, "message": f"{type(error).__name__}: {error}"}
    entry["seconds"] = round(time.perf_counter() - began, 4)
    if isinstance(result, int):
        entry["pixels"] = result
    checks.append(entry)
    return result


def check_store(wanted: dict[str, Any]) -> dict[str, Any]:
    """Everything for one store."""
    store = Path(wanted["path"])
    positions = wanted.get("positions", [])
    checks: list[dict[str, Any]] = []
    notes: list[str] = []
    found: Layout | None = run(checks, "layout", None, lambda: layout(store))
    if found is not None:
        if positions:
            run(checks, "images", None, lambda: check_positions(found, positions))
        if "scene" in wanted:
            places = {p.get("path", ""): p["translation"] for p in positions if p.get("path", "") in wanted["scene"]}
            run(checks, "scene", None, lambda: check_scene(store, places))
        default = [name for name in VALIDATORS if found.version in ABLE[name]]
        same = documents(store)
        for name in wanted.get("validators", default):
            if found.version not in ABLE[name]:
                raise BadManifest(f"{store}: validator {name} does not know version {found.version}")
            said = run(checks, name, None, lambda name=name: judge(name, store, found, same)) or []
            if said and not wanted.get("allow_warnings", False):
                checks[-1] |= {"ok": False, "message": "; ".join(said)}
            notes += said
        for name, opener in OPENERS.items():
            # A store that validators would refuse (axes in another order) is not for them.
            default = [] if "validators" in wanted else OPENERS
            if name in wanted.get("openers", default) and can_open(name, store, found):
                # What they print is no part of the report.
                with contextlib.redirect_stdout(sys.stderr):
                    run(checks, name, None, lambda opener=opener: opener(store, found))
    for position in positions:
        label = join(position.get("path", ""), position.get("level", "0"))
        run(checks, "metadata", label, lambda p=position: check_metadata(store, p))
        for reader in wanted.get("readers", list(READERS)):
            run(checks, reader, label, lambda p=position, r=reader: read_pixels(store, p, r))
            if position.get("levels", 1) > 1:
                run(checks, f"levels by {reader}", label, lambda p=position, r=reader: levels(store, p, r))
    return {
        "path": str(store),
        "ok": all(check["ok"] for check in checks),
        "version": found.version if found else None,
        "checks": checks,
        "warnings": notes,
    }


def stores_of(manifest: Any) -> list[dict[str, Any]]:
    """The manifest's stores, after a look at its field names: a misspelt one would check nothing."""
    if isinstance(manifest, dict):
        if "stores" in manifest and set(manifest) != {"stores"}:
            raise BadManifest(f"fields beside stores: {sorted(set(manifest) - {'stores'})}")
        manifest = manifest.get("stores", [manifest])
    if not isinstance(manifest, list) or not manifest:
        raise BadManifest("no stores: a manifest that names nothing would pass without checking anything")
    for store in manifest:
        if not isinstance(store, dict) or "path" not in store or set(store) - STORE_FIELDS:
            raise BadManifest(f"store {store!r}: needs path, may have {sorted(STORE_FIELDS - {'path'})}")
        for kind, known in (("readers", READERS), ("validators", VALIDATORS)):
            if unknown := set(store.get(kind, [])) - set(known):
                raise BadManifest(f"{store['path']}: {kind} {sorted(unknown)}: use {sorted(known)}")
        for position in store.get("positions", []):
            if missing := {"shape", "dtype", "expect"} - set(position):
                raise BadManifest(f"{store['path']}: position {position!r} lacks {sorted(missing)}")
            if extra := set(position) - POSITION_FIELDS:
                raise BadManifest(f"{store['path']}: position {position!r}: unknown {sorted(extra)}")
    return manifest


def report_on(manifest: Any) -> dict[str, Any]:
    """The report of a manifest."""
    reports = [check_store(store) for store in stores_of(manifest)]
    failures = [
        f"{store['path']}: {check['check']}"
        + (f" {check['position']!r}" if "position" in check else "")
        + f": {check['message']}"
        for store in reports
        for check in store["checks"]
        if not check["ok"]
    ]
    return {"ok": not failures, "stores": reports, "failures": failures}


def answer(text: str | bytes) -> tuple[dict[str, Any], int]:
    """(report, exit code) for a manifest as text."""
    try:
        report = report_on(json.loads(text))
    except (BadManifest, json.JSONDecodeError) as error:
        return {"ok": False, "stores": [], "failures": [f"manifest: {error}"]}, 2
    return report, 0 if report["ok"] else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", nargs="?", default="-", help="file, or - for stdin (default)")
    parser.add_argument("--lines", action="store_true", help="one manifest per line of stdin")
    parser.add_argument("--validate", nargs="+", metavar="PATH", help="validate these stores without expectations")
    options = parser.parse_args()
    np.seterr(all="ignore")
    if options.lines:
        worst = 0
        for line in sys.stdin:
            if line.strip():
                report, code = answer(line)
                worst = max(worst, code)
                print(json.dumps(report), flush=True)
        return worst
    if options.validate:
        text: str | bytes = json.dumps([{"path": path} for path in options.validate])
    elif options.manifest == "-":
        text = sys.stdin.buffer.read()
    else:
        text = Path(options.manifest).read_bytes()
    report, code = answer(text)
    print(json.dumps(report, indent=1))
    for failure in report["failures"]:
        print(failure, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
