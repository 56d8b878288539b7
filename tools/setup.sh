#!/bin/sh
# Makes or renews the virtual environment: tools/setup.sh VENV EXTRAS [PYTHON]
# Nothing happens when the last run installed the same extras from the same pyproject.toml and constraints.txt.
set -eu

venv=$1 extras=$2 wanted=${3:-}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# One at a time, where the system has flock.
exec 9<pyproject.toml
! command -v flock >/dev/null || flock 9

# An interpreter counts when it runs at all (a pyenv shim may not), is of a version we support and can make a venv.
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
supported() { case $(version_of "$1") in 3.11 | 3.12 | 3.13) true ;; *) false ;; esac; }
has_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

choose_python() {
    without_venv=
    for candidate in ${wanted:-python3.13 python3.12 python3.11 python3}; do
        supported "$candidate" || continue
        if has_venv "$candidate"; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$(version_of "$candidate")}
    done
    if [ -n "$without_venv" ]; then
        echo "Python $without_venv is here without its venv module. Install it, on Debian with:" >&2
        echo "    apt-get install python$without_venv-venv" >&2
    elif [ -n "$wanted" ]; then
        echo "PYTHON=$wanted does not run, or is not CPython 3.11, 3.12 or 3.13." >&2
        echo "Name one that is, or leave PYTHON out to have one chosen." >&2
    else
        echo "No CPython 3.11, 3.12 or 3.13 was found. Install one, on Debian with:" >&2
        echo "    apt-get install python3 python3-venv" >&2
    fi
    return 1
}

# pytonlib needs crc16, the only package here without wheels, which wants a C compiler and Python's headers.
can_compile() {
    command -v "${CC:-cc}" >/dev/null &&
        [ -f "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]
}

usable() { [ -x "$venv/bin/pip" ] && supported "$venv/bin/python"; }
fits_wanted() { [ -z "$wanted" ] || [ "$(version_of "$wanted")" = "$(version_of "$venv/bin/python")" ]; }

if ! usable || ! fits_wanted; then
    python=$(choose_python)
    echo "Making $venv with $python ($(version_of "$python"))"
    "$python" -m venv --clear "$venv"
fi

installable=$extras
case ,$extras, in
*,ton,*) can_compile || installable=$(echo ",$extras," | sed 's/,ton,/,/; s/^,//; s/,$//') ;;
esac

# What the environment is made from; a copied or moved checkout needs new console scripts, so its place counts.
inputs() { { echo "$root" "$1"; cat pyproject.toml constraints.txt; } | cksum; }
stamp=$venv/.installed-$extras
[ "$(cat "$stamp" 2>/dev/null)" != "$(inputs "$installable")" ] || exit 0

if [ "$installable" != "$extras" ]; then
    echo "Leaving out the TON reader: it needs a C compiler and Python's headers, on Debian:"
    echo "    apt-get install gcc python3-dev"
fi
echo "Installing ytmarket[$installable] into $venv (a minute or two, the first time)"
rm -f "$venv"/.installed-*
# Under both names, so that every pip pins what it builds with, too.
export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
"$venv/bin/python" -m pip install --disable-pip-version-check -qq --editable ".[$installable]"
inputs "$installable" >"$stamp"
case $extras in *,dev) inputs "${installable%,dev}" >"${stamp%,dev}" ;; esac # what develops also runs
