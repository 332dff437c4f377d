"""Looks once at stores that a killed writer left behind: one config per line of stdin, one report per line of stdout.

A config is that of interop/live_reader.py, with "must_have" and, beside it, "unbounded": true where the arrays grow. Every
reader must open every array, every pixel must be right or the fill value, frames below "must_have" must be whole, and
a growing array must not be longer than what it holds: its last plane has a whole frame.

Report: {"ok", "whole": {reader: frames}, "missing": frames below must_have that are not whole, "errors": [..]}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))

from live_reader import watches  # noqa: E402


def judge(config: dict) -> dict:
    watched = watches(config)
    whole: dict[str, int] = {}
    missing = 0
    for watch in watched:
        watch.look()
        if not watch.opened:
            try:
                watch.open()
            except Exception as error:
                watch.fail(f"cannot be opened: {type(error).__name__}: {error}")
            continue
        below = (watch.numbers >= 0) & (watch.numbers < config["must_have"])
        missing += int((below & ~watch.whole).sum())
        watch.demand(config["must_have"])
        if config.get("unbounded") and watch.extent and not watch.whole[watch.extent - 1].any():
            watch.fail(f"is {watch.extent} long, and its last plane has no whole frame")
        whole[watch.reader] = whole.get(watch.reader, 0) + int((watch.whole & (watch.numbers >= 0)).sum())
    errors = [error for watch in watched for error in watch.errors]
    return {"ok": not errors, "whole": whole, "missing": missing, "errors": errors}


def main() -> None:
    import tensorstore  # noqa: F401  (loaded before the first answer is asked for)
    import zarr  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(judge(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
