"""The example of the embedded domain runs, says what it should, and needs attrs and nothing else."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed_domain.py"
GUARD = """
import runpy, sys
allowed = {"attr", "attrs", "ytmarket", "__main__", "__mp_main__"}
before = {name.partition(".")[0] for name in sys.modules}
runpy.run_path(sys.argv[1], run_name="__main__")
after = {name.partition(".")[0] for name in sys.modules}
strangers = after - before - allowed - sys.stdlib_module_names
sys.exit(f"imported {strangers}" if strangers else 0)
"""


def test_the_example_prices_an_order_and_matches_a_deposit() -> None:
    ran = subprocess.run([sys.executable, "-c", GUARD, EXAMPLE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "send exactly 100.03 USDT before 13:00",
        "credited 100.02 USDT",
        "charged 12.46 USDT after 1 hit, balance 87.56 USDT",
    ]


def test_it_takes_thirty_lines_and_not_one_more() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 30
