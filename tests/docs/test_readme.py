"""What the README says of itself: fifteen lines, a figure of every benchmark."""

import re

from tests.docs.reading import ROOT, blocks, text

README = text(ROOT / "README.md")


def test_the_embedding_has_fifteen_lines() -> None:
    (code,) = blocks(README, "python")
    assert "Embed the rules in 15 lines" in README
    assert len(code.splitlines()) == 15


def test_every_benchmark_has_a_figure_and_every_figure_a_benchmark() -> None:
    told = set(re.findall(r"\| `bench/(\w+)\.py` \|", README))
    assert told == {file.stem for file in (ROOT / "bench").glob("[a-z]*.py")}


def test_the_picture_stands_before_the_commands() -> None:
    assert README.index("(docs/playground.png)") < README.index("make run")
