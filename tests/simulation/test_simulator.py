"""Whole shops from one seed each: nothing untrue in any of them, and each can be had again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import attrs
import pytest

from tests.faults.effort import times
from ytmarket.application.requests import Origin
from ytmarket.application.topups import OpenTopup, TopupAnswer, TopupService
from ytmarket.domain.errors import Refused
from ytmarket.testing.simulation.ports import NO_FAULTS, Faults
from ytmarket.testing.simulator import SimulationFailed, main, simulate

PORTIONS = 8
SEEDS = 80
REPEATED = 20
SHORT = 60


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_nothing_untrue_is_found_by_any_seed(portion: int) -> None:
    for seed in range(portion, times(SEEDS, 100 * SEEDS), PORTIONS):
        simulate(seed)


def test_the_same_seed_does_the_same_things() -> None:
    first = [simulate(seed, steps=SHORT).hash for seed in range(REPEATED)]
    assert first == [simulate(seed, steps=SHORT).hash for seed in range(REPEATED)]
    assert len(set(first)) == REPEATED


def test_the_same_seed_does_the_same_things_in_another_process() -> None:
    asked = f"from ytmarket.testing.simulator import simulate; print(simulate(7, steps={SHORT}).hash)"
    told = [
        subprocess.run(
            [sys.executable, "-c", asked],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]
    assert told == [simulate(7, steps=SHORT).hash] * 2


def test_every_fault_and_every_ending_comes_up() -> None:
    counts: Counter[str] = Counter()
    for seed in range(SEEDS, SEEDS + 14):  # others than above: each is worth its while
        counts += simulate(seed).counts
    faults = {f"fault:{fault.name}" for fault in attrs.fields(Faults)}
    acts = {"ordered", "opened", "bought", "sold elsewhere", "paid", "credited", "returned", "applied"}
    acts |= {"cancels", "corrected", "gives", "fills", "pays back", "asks again", "order unanswered"}
    assert not (faults | acts) - counts.keys()


def test_without_faults_everybody_is_answered() -> None:
    counts = simulate(3, faults=NO_FAULTS).counts
    assert not [kind for kind in counts if kind.startswith("fault:")]
    assert not [kind for kind in counts if kind.endswith(("unanswered", "failed"))]


async def _opens_without_keeping_the_answer(
    service: TopupService, origin: Origin, command: OpenTopup | Refused
) -> TopupAnswer:
    return await _OPEN(service, Origin(account_id=origin.account_id, api_key_id=origin.api_key_id), command)


_OPEN = TopupService.open


def test_a_bug_is_found_and_told_with_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TopupService, "open", _opens_without_keeping_the_answer)
    with pytest.raises(SimulationFailed, match="--seeds 0:1 --steps 200"):
        simulate(0)
    with pytest.raises(SimulationFailed, match=r"Repeat it: simulate\(0, steps=200, faults=Faults\("):
        simulate(0, faults=Faults(reader=1))
    assert main(["--seeds", "0:5"]) == 1
    assert "was answered in two ways" in capsys.readouterr().err


def test_the_command_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "0:2", "--steps", "20"]) == 0
    assert "2 seeds, and nothing untrue" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--seeds", "5:5"])
    assert "is no seed at all" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--seeds", "abc"])
    assert "from:to is needed, such as 0:1000" in capsys.readouterr().err
