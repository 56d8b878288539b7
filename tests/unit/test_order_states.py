"""The table of moves, row by row, as the documentation tells it."""

import pytest

from ytmarket.domain import MOVES, IllegalMove, Move, OrderStatus, RefundStatus, next_state, order_states

ROWS = """
awaiting_payment none  pay          processing none
awaiting_payment none  expire       expired    none
awaiting_payment none  cancel       cancelled  none
processing       none  deliver      completed  none
processing       none  deliver_some partial    due
processing       none  fail         failed     due
processing       none  expire       expired    due
processing       none  cancel       cancelled  due
partial          due   refund       partial    refunded
failed           due   refund       failed     refunded
expired          due   refund       expired    refunded
cancelled        due   refund       cancelled  refunded
"""
TABLE = [row.split() for row in ROWS.strip().splitlines()]


@pytest.mark.parametrize(("status", "refund", "move", "to", "then"), TABLE)
def test_a_listed_move_leads_where_the_table_says(
    status: str, refund: str, move: str, to: str, then: str
) -> None:
    assert next_state((OrderStatus(status), RefundStatus(refund)), Move(move)) == (to, then)


def test_there_are_no_other_moves() -> None:
    assert len(MOVES) == len(TABLE)
    with pytest.raises(IllegalMove) as refused:
        next_state((OrderStatus.COMPLETED, RefundStatus.NONE), Move.REFUND)
    assert (refused.value.status, refused.value.move) == ("completed", "refund")


def test_which_ends_are_final_and_which_deliver_nothing() -> None:
    assert {"completed", "partial", "failed", "expired", "cancelled"} == order_states.FINAL
    assert {"failed", "expired", "cancelled"} == order_states.UNDELIVERED
    leads_on = {status for (status, refund), _ in MOVES if refund is RefundStatus.NONE}
    assert leads_on.isdisjoint(order_states.FINAL)
