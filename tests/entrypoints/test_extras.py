"""Where ytmarket is installed as a library alone, its programs say what they need, in one sentence."""

import subprocess
import sys
import tomllib

import pytest

from tests.docs.reading import ROOT, text

# What is not installed, as Python sees it: an entry of None lets no import of the name succeed.
WITHOUT = "import runpy, sys; sys.modules[{missing!r}] = None; {begin}"
MODULE, MAIN = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]["scripts"]["ytmarket"].split(":")
COMMAND = f"from {MODULE} import {MAIN} as main; main()"
SIMULATOR = "runpy.run_module('ytmarket.testing.simulator', run_name='__main__')"


@pytest.mark.parametrize(("missing", "begin"), [("typer", COMMAND), ("rich", COMMAND), ("rich", SIMULATOR)])
def test_a_program_names_the_extra_that_it_needs(missing: str, begin: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing, begin=begin)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert 'pip install "ytmarket[server]"' in ran.stderr
    assert missing in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
