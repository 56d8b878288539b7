"""Writes constraints.txt: one version of every package that fits all our extras on each supported Python.

Versions already in the file are kept where they still fit; with --upgrade the newest are taken. The resolver
runs once for each Python, in a throwaway environment, and prefers what it chose for the one before.
"""

import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13")
RESOLVER = "uv==0.13.9"
BUILD_TOOLS = (
    "hatchling\neditables\nsetuptools\nwheel\n"  # what our own and others' source packages are built with
)
HEADER = """\
# The exact version of every package, direct and transitive, that the project is tested with, on 3.11 to 3.13.
# 'make constraints' writes this file anew from pyproject.toml; tools/setup.sh hands it to pip.
"""


def resolve(uv: Path, python: str, pins: Path, options: list[str]) -> list[str]:
    """The pinned lines for one Python; the pins already in the file are preferred, and replaced."""
    quiet = "--quiet --no-header --no-annotate --no-emit-index-url"
    scope = f"--all-extras --python-platform linux --python-version {python}"
    command = [
        str(uv),
        "pip",
        "compile",
        *quiet.split(),
        *scope.split(),
        "--output-file",
        str(pins),
        *options,
    ]
    subprocess.run([*command, "pyproject.toml", "-"], cwd=ROOT, input=BUILD_TOOLS, text=True, check=True)
    return pins.read_text().splitlines()


def merge(chosen: dict[str, list[str]]) -> list[str]:
    """A line for each package; with a marker where not every Python has the same."""
    pythons_of: dict[str, list[str]] = defaultdict(list)
    for python, lines in chosen.items():
        for line in lines:
            pythons_of[line].append(python)
    merged = []
    for line, pythons in pythons_of.items():
        if tuple(pythons) == PYTHONS:
            merged.append(line)
        else:
            merged += [f"{line} ; python_version == '{python}'" for python in pythons]
    return sorted(merged, key=lambda line: line.partition("==")[0])


def main() -> None:
    """Resolve for every Python, and write the file at the end or not at all."""
    options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        venv.create(scratch / "venv", with_pip=True)
        tool = scratch / "venv" / "bin"
        subprocess.run([tool / "pip", "install", "-qq", "--disable-pip-version-check", RESOLVER], check=True)
        pins = scratch / "pins.txt"
        pins.write_text(CONSTRAINTS.read_text())
        chosen = {}
        for python in PYTHONS:
            chosen[python] = resolve(tool / "uv", python, pins, options)
            options = []
    CONSTRAINTS.write_text(HEADER + "\n".join(merge(chosen)) + "\n")


main()
