"""Reasons and names: something to read, not too much of it, and text."""

from __future__ import annotations

import pytest

from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.limits import NAME_CHARS_MAX, REASON_CHARS_MAX
from ytmarket.domain.wording import check_name, check_reason

NOTHING_TO_READ = (" ", "\t\n", "\u00a0", "a\0b", "caf\udce9")


@pytest.mark.parametrize("text", ["", *NOTHING_TO_READ, "x" * (NAME_CHARS_MAX + 1)])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_name(text, "/label")
    assert refused.value.pointer == "/label"


@pytest.mark.parametrize("text", [*NOTHING_TO_READ, "x" * (REASON_CHARS_MAX + 1)])
def test_what_is_no_reason_makes_no_instruction(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Instruction[None](actor=Actor("test"), reason=text)
    assert refused.value.pointer == "/reason"


def test_what_can_be_read_is_taken() -> None:
    check_name("ё" * NAME_CHARS_MAX, "/label")
    check_reason("ё" * REASON_CHARS_MAX)
    check_reason(" two\nlines ")
    assert Instruction[None](actor=Actor("test"), reason="").reason == ""
