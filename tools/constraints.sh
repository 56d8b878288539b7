#!/bin/sh
# Writes constraints.txt for all extras, for Python 3.11 to 3.13 at once: tools/constraints.sh PYTHON [--upgrade]
# Versions already in the file are kept where they still fit, unless --upgrade is given.
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -m venv "$work/venv"
"$work/venv/bin/pip" install -qq --disable-pip-version-check uv==0.13.9

printf '%s\n' hatchling editables setuptools wheel >"$work/build.in"
cp constraints.txt "$work/pins.txt"
shift
"$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --all-extras pyproject.toml "$work/build.in" \
    --no-header --no-annotate --no-emit-index-url --output-file "$work/pins.txt" "$@"
{
    echo "# The exact version of every package, direct and transitive, that the project is tested with on Python 3.11 to 3.13."
    echo "# 'make constraints' writes this file anew from pyproject.toml; tools/setup.sh hands it to pip."
    grep -v '^#' "$work/pins.txt"
} >constraints.txt
