"""No committed file names a package registry's host or a folder of the machine it was written on."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Put together from pieces, so that this file does not contain what it looks for.
REGISTRIES = [
    ("py" + "pi", "org"), ("python" + "hosted", "org"), ("npm" + "js", "(org|com)"), ("yarn" + "pkg", "com"),
    ("debian", "org"), ("go" + "lang", "org"), ("crates", "io"),
]  # fmt: skip
PREFIXED = r"(?:registry|deb|security\.deb|ftp|snapshot|proxy|sum|files|test|static|www)"
HOSTS = re.compile(
    "|".join(
        # Debian and Go also have sites worth linking to; only their archives and proxies are registries.
        rf"{PREFIXED}\.{name}\.{top}" if name in {"debian", "go" + "lang"} else rf"\b{name}\.{top}\b"
        for name, top in REGISTRIES
    ),
    re.IGNORECASE,
)
FOLDERS = re.compile(r"(?<![\w.:/$}\-])/(?:root|home|Users|work|workspace|builds)/[\w.]")


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


def foreign_places(text: str) -> Iterator[str]:
    """Each line that names one, with its number."""
    for number, line in enumerate(text.splitlines(), start=1):
        if HOSTS.search(line) or FOLDERS.search(line) or f"{ROOT}/" in line:
            yield f"{number}: {line.strip()[:120]}"


@pytest.mark.needs("git")
def test_no_committed_file_names_one() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = []
    for path in tracked():
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{path.relative_to(ROOT)}:{line}" for line in foreign_places(text)]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "https://" + "py" + "pi.org/simple",
        "https://files." + "python" + "hosted.org/packages/x.whl",
        '"resolved": "https://registry.' + "npm" + 'js.org/axios"',
        "http://deb." + "debian.org/debian bookworm main",
        "GOPROXY=https://proxy." + "go" + "lang.org",
        "see /" + "root/notes.txt",
        "cd '/" + "work/checkout'",
        "PATH=/" + "home/ann/bin",
        f"{ROOT}/Makefile",
    ],
)
def test_a_planted_one_is_found(planted: str) -> None:
    assert len(list(foreign_places(planted))) == 1


@pytest.mark.parametrize(
    "innocent",
    [
        "https://www.postgresql.org/docs/current/",
        "https://example.com/" + "home/page",
        "/var/lib/ytmarket",
        "the folder /" + "root is closed to others",
        "GET /api/v1/work" + "/1",
    ],
)
def test_what_is_harmless_is_let_through(innocent: str) -> None:
    assert list(foreign_places(innocent)) == []
