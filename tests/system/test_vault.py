import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.adapters.system.master_key import MasterKeys
from ytmarket.adapters.system.vault import FORMAT, AesGcmVault
from ytmarket.application.ports.vault import VaultError

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
VAULT = AesGcmVault.of(MasterKeys(current=OLD))
TURNED = AesGcmVault.of(MasterKeys(current=NEW, old=(OLD,)))
FOREIGN = AesGcmVault.of(MasterKeys(current=OTHER))

places = st.builds("{}.{}:{}".format, st.sampled_from(["key", "unit"]), st.text(max_size=9), st.integers())


@given(st.binary(max_size=2_000), places)
def test_what_was_sealed_opens_to_the_same_bytes(plain: bytes, place: str) -> None:
    assert VAULT.open(VAULT.seal(plain, place), place) == plain


@given(st.binary(), places, places)
def test_in_another_place_it_stays_shut(plain: bytes, place: str, elsewhere: str) -> None:
    sealed = VAULT.seal(plain, place)
    if place != elsewhere:
        with pytest.raises(VaultError, match="sealed for another place"):
            VAULT.open(sealed, elsewhere)


def test_every_cell_moved_to_every_other_row_and_column_stays_shut() -> None:
    cells = [f"{table}.{column}:{row}" for table in "ab" for column in "xy" for row in (1, 11, 111)]
    sealed = {cell: VAULT.seal(b"same", cell) for cell in cells}
    for here, there in itertools.permutations(cells, 2):
        with pytest.raises(VaultError):
            VAULT.open(sealed[here], there)


def test_a_single_flipped_bit_anywhere_is_noticed() -> None:
    sealed = VAULT.seal(b"login:password", "unit:1")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultError):
            VAULT.open(bytes(changed), "unit:1")


def test_a_shortened_or_lengthened_text_is_noticed() -> None:
    sealed = VAULT.seal(b"login:password", "unit:1")
    for length in range(len(sealed)):
        with pytest.raises(VaultError):
            VAULT.open(sealed[:length], "unit:1")
    with pytest.raises(VaultError):
        VAULT.open(sealed + b"\0", "unit:1")


@given(st.binary(max_size=100))
def test_any_other_bytes_are_refused(noise: bytes) -> None:
    for text in (noise, FORMAT + noise, VAULT.seal(b"", "x")[:5] + noise):
        with pytest.raises(VaultError):
            VAULT.open(text, "x")


def test_under_an_unknown_key_it_says_which_key_is_missing() -> None:
    sealed = VAULT.seal(b"plain", "unit:1")
    with pytest.raises(VaultError, match=f"master key {sealed[1:5].hex()} .*YTMARKET_MASTER_KEY"):
        FOREIGN.open(sealed, "unit:1")


def test_a_key_id_under_which_another_key_sealed_does_not_open() -> None:
    sealed = FOREIGN.seal(b"plain", "unit:1")
    relabelled = VAULT.seal(b"", "unit:1")[:5] + sealed[5:]
    with pytest.raises(VaultError):
        VAULT.open(relabelled, "unit:1")


def test_the_same_bytes_never_give_the_same_text() -> None:
    sealed = {VAULT.seal(b"same", "unit:1") for _ in range(10_000)}
    assert len(sealed) == 10_000
    assert len({text[5:17] for text in sealed}) == 10_000  # no nonce twice


def test_nothing_of_the_content_shows() -> None:
    content = b"a credential that is long enough to be found"
    assert content[:8] not in VAULT.seal(content, "unit:1")
    assert content[:8] not in VAULT.fingerprint(content)


@given(st.binary(), st.binary())
def test_equal_content_and_only_that_has_equal_fingerprints(one: bytes, other: bytes) -> None:
    assert VAULT.fingerprint(one) == VAULT.fingerprint(bytes(one))
    assert (VAULT.fingerprint(one) == VAULT.fingerprint(other)) == (one == other)
    assert len(VAULT.fingerprint(one)) == 32


def test_a_fingerprint_cannot_be_guessed_without_the_key() -> None:
    assert VAULT.fingerprint(b"content") != FOREIGN.fingerprint(b"content")


def test_a_turned_key_reads_what_the_old_one_sealed_and_says_what_to_seal_anew() -> None:
    rows = {f"unit:{number}": VAULT.seal(b"%d" % number, f"unit:{number}") for number in range(50)}
    rows["unit:new"] = TURNED.seal(b"new", "unit:new")
    stale = [place for place, sealed in rows.items() if TURNED.needs_resealing(sealed)]
    assert len(stale) == 50
    for place in stale:
        rows[place] = TURNED.seal(TURNED.open(rows[place], place), place)
    without_old = AesGcmVault.of(MasterKeys(current=NEW))
    assert not any(without_old.needs_resealing(sealed) for sealed in rows.values())
    assert without_old.open(rows["unit:7"], "unit:7") == b"7"
    assert without_old.open(rows["unit:new"], "unit:new") == b"new"


def test_whether_to_seal_anew_cannot_be_said_of_what_nobody_here_sealed() -> None:
    for text in (b"", b"plain", FOREIGN.seal(b"", "x")):
        with pytest.raises(VaultError):
            VAULT.needs_resealing(text)


def test_keys_do_not_show_in_a_repr() -> None:
    assert repr(NEW)[2:-1] not in repr(TURNED)
    assert "fingerprint" not in repr(TURNED)
