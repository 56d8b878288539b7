"""A request's deadline: what it ends, and what it leaves to others."""

import asyncio

import pytest

from ytmarket.adapters.http.deadline import Deadline

NEVER = 3_600.0


async def test_what_takes_too_long_is_ended_with_a_timeout() -> None:
    deadline = Deadline(0.01)
    with pytest.raises(TimeoutError), deadline:
        await asyncio.sleep(NEVER)
    assert deadline.expired


async def test_what_ends_in_time_is_left_alone_ever_after() -> None:
    deadline = Deadline(0.01)
    with deadline:
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)
    assert not deadline.expired


async def test_an_error_inside_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError), Deadline(NEVER):
        raise KeyError


async def test_it_can_be_put_off_and_brought_forward() -> None:
    now = asyncio.get_running_loop().time
    deadline = Deadline(0.01)
    with deadline:
        deadline.reschedule(now() + NEVER)
        await asyncio.sleep(0.03)
    assert not deadline.expired
    deadline = Deadline(NEVER)
    with pytest.raises(TimeoutError), deadline:
        deadline.reschedule(now() - 1)
        await asyncio.sleep(NEVER)


async def test_it_cannot_be_moved_outside_its_block() -> None:
    deadline = Deadline(NEVER)
    with pytest.raises(RuntimeError, match="not begun"):
        deadline.reschedule(0)
    with deadline:
        pass
    with pytest.raises(RuntimeError, match="over"):
        deadline.reschedule(0)


async def test_who_cancels_the_task_is_obeyed() -> None:
    async def work() -> None:
        with Deadline(NEVER):
            await asyncio.sleep(NEVER)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_beside_the_end_of_the_time_is_obeyed_too() -> None:
    async def work() -> None:
        with Deadline(0.01):
            try:
                await asyncio.sleep(NEVER)
            finally:
                task.cancel()

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_task_goes_on_after_a_timeout_as_if_nobody_had_cancelled_it() -> None:
    with pytest.raises(TimeoutError), Deadline(0.01):
        await asyncio.sleep(NEVER)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_an_inner_deadline_leaves_the_outer_one_running() -> None:
    outer = Deadline(0.05)
    with pytest.raises(TimeoutError), outer:
        with pytest.raises(TimeoutError), Deadline(0.01):
            await asyncio.sleep(NEVER)
        assert not outer.expired
        await asyncio.sleep(NEVER)
    assert outer.expired


def test_it_is_for_a_task() -> None:
    async def main() -> None:
        found: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def outside() -> None:
            try:
                Deadline(1)
            except RuntimeError as error:
                found.set_result(error)

        asyncio.get_running_loop().call_soon(outside)
        assert "task" in str(await found)

    asyncio.run(main())
