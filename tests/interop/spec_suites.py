"""Holds `ome-stream check` against the examples of the specification, valid and invalid.

    git clone https://github.com/ome/ngff-spec
    python tests/interop/spec_suites.py target/debug/ome-stream ngff-spec

The clone is read, each version from its branch, and nothing of it is kept. A document that is judged otherwise than the
suite says must stand in DIFFER, with the reason; the script fails where one does not, or where one there agrees by now.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Why documents are judged otherwise, by version and a part of their name: each is called valid there.
ROW = "the path of its well is column/row; the text wants the row first (MUST)"
LENGTH = "a scale of two numbers for three axes; the text wants as many as axes (MUST)"
DIFFER = {
    ("0.4", "plate/minimal_"): ROW,
    ("0.4", "plate/non_alphanumeric_row"): ROW,
    ("0.4", "strict_plate_suite/plate/strict_"): ROW,
    ("0.4", "valid/mismatch_axes_units"): LENGTH,
    ("0.6", "plate/minimal_"): ROW,
    ("0.6", "plate/non_alphanumeric_row"): ROW,
    ("0.6", "plate/strict_"): ROW,
    ("0.6", "image/mismatch_axes_units"): LENGTH,
    ("0.6", "image/multiscales_transform_additional_transforms"): (
        "a byDimension of two axes between systems of three; the text wants every axis of the output (MUST)"
    ),
    ("0.6", "displacements/displacement_field"): LENGTH,
    ("0.6", "strict/valid/image/image_omero"): "a transformation from a coordinate system that is not there (MUST)",
    ("0.6", "strict/valid/image/multiscales_example"): "the dataset 1 has input.path s1; the text wants its path (MUST)",
}
# Parts of names that also stand in names of documents on which both agree.
AGREE = {("0.6", "image/multiscales_transform_additional_transforms_path")}


def git(clone, *arguments):
    return subprocess.run(["git", "-C", clone, *arguments], check=True, capture_output=True, text=True).stdout


def suites(clone, branch):
    """Name, document, whether it is valid, whether only strictly not: of the form of 0.4 and 0.5."""
    for path in git(clone, "ls-tree", "-r", "--name-only", branch, "tests").splitlines():
        if not path.endswith("_suite.json"):
            continue
        for test in json.loads(git(clone, "show", f"{branch}:{path}"))["tests"]:
            name = f"{Path(path).stem}/{test['formerly'].removesuffix('.json')}"
            yield name, test["data"], test["valid"], "strict" in path


def documents(clone, branch):
    """The same of the form of 0.6."""
    for path in git(clone, "ls-tree", "-r", "--name-only", branch, "tests/attributes").splitlines():
        if path.endswith(".json"):
            document = json.loads(git(clone, "show", f"{branch}:{path}"))
            told = document.pop("_conformance", {})
            name = path.removeprefix("tests/attributes/").removesuffix(".json")
            yield name, document, told.get("valid", True), name.startswith("strict")


def examples(clone, branch):
    """The examples in the text: whole attributes, not the fragments."""
    for path in git(clone, "ls-tree", "-r", "--name-only", branch, "examples").splitlines():
        if not path.endswith(".json") or path.endswith(".config.json"):
            continue
        # Some have comments, "for clarity purposes".
        text = re.sub(r"(?m)\s//.*$", "", git(clone, "show", f"{branch}:{path}"))
        document = json.loads(text)
        document = document.get("attributes", document)
        keys = {"multiscales", "plate", "well", "image-label", "series", "bioformats2raw.layout"}
        if isinstance(document.get("ome"), dict) or (branch.endswith("0.4") and keys & set(document)):
            yield path.removesuffix(".json"), document, True, False


def judge(tool, version, document, strict):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if version == "0.4":
            (root / ".zgroup").write_text('{"zarr_format": 2}')
            (root / ".zattrs").write_text(json.dumps(document))
        else:
            group = {"zarr_format": 3, "node_type": "group", "attributes": document}
            (root / "zarr.json").write_text(json.dumps(group))
        ran = subprocess.run([tool, "check", folder, "--attributes", "--json"], capture_output=True, text=True)
        if ran.returncode == 3:
            return False, ran.stderr.strip()
        report = json.loads(ran.stdout)
        told = [f"{each['rule']} {each['where']} {each['value']}" for each in report["findings"]
                if strict or each["severity"] == "error"]
        # A rule of our own, and one for drafts: the suite of 0.6 is of one.
        told = [each for each in told if not each.startswith("version/draft")]
        return report["valid"] and not (strict and told), "; ".join(told)


def main(tool, clone):
    wrong = 0
    for version, branch, read in (("0.4", "origin/0.4", suites), ("0.5", "origin/0.5", suites),
                                  ("0.6", "origin/main", documents)):
        if subprocess.run(["git", "-C", clone, "rev-parse", "-q", "--verify", branch], capture_output=True).returncode:
            branch = branch.removeprefix("origin/")
        agree, differ = 0, 0
        for name, document, valid, strict in [*read(clone, branch), *examples(clone, branch)]:
            # What a strict suite calls valid need not be so by warnings that its schema has not.
            ours, why = judge(tool, version, document, strict and not valid)
            agreed = any(of == version and part in name for of, part in AGREE)
            known = [reason for (of, part), reason in DIFFER.items() if of == version and part in name and not agreed]
            if ours == valid:
                agree += 1
                if known:
                    wrong += 1
                    print(f"{version} {name}: agrees, and is listed as one that does not")
                continue
            differ += 1
            if known:
                print(f"{version} {name}: {'valid' if valid else 'invalid'} there: {known[0]}")
            else:
                wrong += 1
                print(f"{version} {name}: {'valid' if valid else 'invalid'} there, not here: {why or 'nothing found'}")
        print(f"{version}: {agree} of {agree + differ} agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
