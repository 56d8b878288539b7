"""What every test can count on: the Hypothesis profiles, the event loop, one way to say what a test needs.

`HYPOTHESIS_PROFILE` chooses how hard Hypothesis tries: `quick` while writing, `ci` (the default) the same
examples on every run, `thorough` many more, new ones each time. With `STRICT=1` a missing program or library
fails the test that needs it; otherwise that test is skipped.
"""

import gc
import importlib.util
import os
import shutil
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "quick", max_examples=25, deadline=timedelta(seconds=1), phases=set(Phase) - {Phase.explain}
)
settings.register_profile(
    "ci",
    max_examples=100,
    derandomize=True,
    deadline=None,  # a busy machine is not a failure
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    max_examples=5_000,
    stateful_step_count=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

STRICT = os.environ.get("STRICT", "") not in {"", "0"}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the server does; one loop serves the whole session."""
    return "asyncio"


def missing(programs: tuple[str, ...], modules: tuple[str, ...]) -> list[str]:
    """Which of these this machine lacks."""
    lacks = [name for name in programs if shutil.which(name) is None]
    return lacks + [name for name in modules if importlib.util.find_spec(name) is None]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Honour `@pytest.mark.needs("redis-server")` and `@pytest.mark.needs(modules=["web3"])`."""
    for marker in item.iter_markers("needs"):
        lacks = missing(marker.args, tuple(marker.kwargs.get("modules", ())))
        if lacks and STRICT:
            pytest.fail(f"STRICT=1, and this machine lacks {', '.join(lacks)}", pytrace=False)
        if lacks:
            pytest.skip(f"needs {', '.join(lacks)}")


def pytest_collection_finish() -> None:
    """The libraries and tests that are loaded by now stay: the collector need not walk them each time."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Say at the top what this run does not skip and how hard it tries."""
    return f"hypothesis profile: {settings.get_current_profile_name()}; strict: {'yes' if STRICT else 'no'}"
