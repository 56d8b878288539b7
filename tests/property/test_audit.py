"""Whoever changes, drops, adds or moves an entry of the audit trail breaks its chain where it was done."""

from collections.abc import Sequence
from datetime import timedelta, timezone

import attrs
from hypothesis import assume, given
from hypothesis import strategies as st

from ytmarket.domain import AuditEntry, AuditRow, first_broken
from ytmarket.domain.audit import GENESIS
from ytmarket.testing.strategies import audit_entries, audit_trails

Trail = Sequence[AuditRow]
TRAILS = audit_trails(min_size=1)


@given(audit_trails())
def test_a_whole_trail_holds_and_so_does_its_beginning(trail: Trail) -> None:
    for length in range(len(trail) + 1):
        assert first_broken(trail[:length]) is None


@given(TRAILS, audit_entries(), st.data())
def test_an_entry_that_was_edited_is_found(trail: Trail, entry: AuditEntry, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    assume(entry != trail[place].entry)
    edited = list(trail)
    edited[place] = attrs.evolve(trail[place], entry=entry)
    assert first_broken(edited) == place + 1
    # With its own hash made anew, the next entry tells.
    edited[place] = attrs.evolve(edited[place], hash=entry.digest(place + 1, trail[place].previous))
    assert first_broken(edited) == (place + 2 if place + 1 < len(trail) else None)


@given(TRAILS, st.data())
def test_a_hash_that_was_changed_is_found(trail: Trail, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    wrong = bytes(31) + b"\1"
    for row in (attrs.evolve(trail[place], previous=wrong), attrs.evolve(trail[place], hash=wrong)):
        assert first_broken([*trail[:place], row, *trail[place + 1 :]]) == place + 1


@given(TRAILS, st.data())
def test_entries_that_were_cut_out_are_found(trail: Trail, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(trail) - 1))
    end = data.draw(st.integers(start + 1, len(trail)))
    left = [*trail[:start], *trail[end:]]
    assert first_broken(left) == (start + 1 if end < len(trail) else None)
    # Numbered anew, the hashes tell.
    anew = [attrs.evolve(row, number=number) for number, row in enumerate(left, 1)]
    assert first_broken(anew) == (start + 1 if end < len(trail) else None)


@given(TRAILS, audit_entries(), st.data())
def test_an_entry_that_was_slipped_in_is_found(trail: Trail, entry: AuditEntry, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    previous = trail[place - 1].hash if place else GENESIS
    number = place + 1
    forged = AuditRow(number=number, entry=entry, previous=previous, hash=entry.digest(number, previous))
    later = [attrs.evolve(row, number=row.number + 1) for row in trail[place:]]
    assert first_broken([*trail[:place], forged, *later]) == place + 2
    assert first_broken([*trail[: place + 1], *trail[place:]]) == place + 2  # the same one twice


@given(audit_trails(min_size=2), st.data())
def test_entries_that_changed_places_are_found(trail: Trail, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(trail) - 2))
    second = data.draw(st.integers(first + 1, len(trail) - 1))
    swapped = list(trail)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert first_broken(swapped) == first + 1


@given(audit_entries(), audit_entries(), st.integers(1, 3), st.integers(1, 3))
def test_entries_that_differ_hash_differently(
    one: AuditEntry, other: AuditEntry, here: int, there: int
) -> None:
    same = (one, here) == (other, there)
    assert (one.digest(here, GENESIS) == other.digest(there, GENESIS)) == same
    assert one.digest(here, GENESIS) != one.digest(here, bytes(31) + b"\1")


@given(audit_entries(), st.integers(-12, 12))
def test_the_time_zone_a_store_answers_in_changes_no_hash(entry: AuditEntry, hours: int) -> None:
    elsewhere = attrs.evolve(entry, at=entry.at.astimezone(timezone(timedelta(hours=hours))))
    assert elsewhere.digest(1, GENESIS) == entry.digest(1, GENESIS)


@given(audit_entries(), st.text("ab", min_size=2, max_size=5), st.data())
def test_words_cannot_be_run_together(entry: AuditEntry, words: str, data: st.DataObject) -> None:
    one, other = (
        data.draw(st.lists(st.integers(0, len(words)), min_size=4, max_size=4).map(sorted)) for _ in range(2)
    )
    assume(one != other)

    def cut(at: list[int]) -> bytes:
        actor, action, target = words[: at[0]], words[at[0] : at[1]], words[at[1] : at[2]]
        details = {words[at[2] : at[3]]: words[at[3] :]}
        return attrs.evolve(entry, actor=actor, action=action, target=target, details=details).digest(
            1, GENESIS
        )

    assert cut(one) != cut(other)


@given(st.lists(audit_entries(), min_size=1, max_size=3), st.integers(2, 5))
def test_a_trail_that_does_not_begin_at_one_is_found(entries: list[AuditEntry], first: int) -> None:
    rows, previous = list[AuditRow](), GENESIS
    for number, entry in enumerate(entries, first):
        digest = entry.digest(number, previous)
        rows.append(AuditRow(number=number, entry=entry, previous=previous, hash=digest))
        previous = digest
    assert first_broken(rows) == 1
