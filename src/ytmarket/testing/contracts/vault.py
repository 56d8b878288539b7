"""What every vault promises."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ytmarket.application.ports.vault import Vault, VaultError
from ytmarket.testing.contracts.base import Contract

PLAIN = b"login:password \x00\xff"
PLACE = "stock_unit.sealed:1"


class VaultContract(Contract):
    """The promises of the `Vault` port.

    Needs the fixtures `vault`, `other_vault` of another key, and `turned_vault`: of another key as
    well, with that of `vault` as its former one.
    """

    @pytest.mark.parametrize("plain", [PLAIN, b"", bytes(100_000)])
    async def test_what_was_sealed_opens_to_the_same_bytes(self, vault: Vault, plain: bytes) -> None:
        assert vault.open(vault.seal(plain, PLACE), PLACE) == plain

    @pytest.mark.parametrize("place", ["stock_unit.sealed:2", "stock_unit.sealed:11", "", PLACE + " "])
    async def test_in_another_place_it_does_not_open(self, vault: Vault, place: str) -> None:
        sealed = vault.seal(PLAIN, PLACE)
        with pytest.raises(VaultError):
            vault.open(sealed, place)

    async def test_changed_anywhere_it_does_not_open(self, vault: Vault) -> None:
        sealed = vault.seal(PLAIN, PLACE)
        for at in range(len(sealed)):
            changed = bytearray(sealed)
            changed[at] ^= 1
            with pytest.raises(VaultError):
                vault.open(bytes(changed), PLACE)

    async def test_shortened_or_lengthened_it_does_not_open(self, vault: Vault) -> None:
        sealed = vault.seal(PLAIN, PLACE)
        for changed in (b"", sealed[:1], sealed[:-1], sealed[1:], sealed + b"\x00"):
            with pytest.raises(VaultError):
                vault.open(changed, PLACE)

    async def test_what_was_never_sealed_does_not_open(self, vault: Vault) -> None:
        with pytest.raises(VaultError):
            vault.open(PLAIN * 4, PLACE)

    async def test_under_another_key_it_does_not_open(self, vault: Vault, other_vault: Vault) -> None:
        sealed = vault.seal(PLAIN, PLACE)
        with pytest.raises(VaultError):
            other_vault.open(sealed, PLACE)

    async def test_sealed_twice_it_reads_differently(self, vault: Vault) -> None:
        assert len({vault.seal(PLAIN, PLACE) for _ in range(100)}) == 100

    async def test_what_is_sealed_does_not_show(self, vault: Vault) -> None:
        assert PLAIN not in vault.seal(PLAIN, PLACE)

    async def test_equal_content_has_equal_fingerprints(self, vault: Vault) -> None:
        assert vault.fingerprint(PLAIN) == vault.fingerprint(PLAIN)
        assert vault.fingerprint(PLAIN) != vault.fingerprint(PLAIN + b" ")

    async def test_a_fingerprint_tells_nothing_without_the_key(
        self, vault: Vault, other_vault: Vault
    ) -> None:
        assert vault.fingerprint(PLAIN) != other_vault.fingerprint(PLAIN)
        assert sha256(PLAIN).digest() not in vault.fingerprint(PLAIN)

    async def test_after_a_change_of_key_what_was_sealed_opens_and_needs_resealing(
        self, vault: Vault, turned_vault: Vault
    ) -> None:
        sealed = vault.seal(PLAIN, PLACE)
        assert not vault.needs_resealing(sealed)
        assert turned_vault.needs_resealing(sealed)
        assert turned_vault.open(sealed, PLACE) == PLAIN
        with pytest.raises(VaultError):
            turned_vault.open(sealed, PLACE + " ")

    async def test_what_was_sealed_anew_needs_it_no_more(self, vault: Vault, turned_vault: Vault) -> None:
        anew = turned_vault.seal(turned_vault.open(vault.seal(PLAIN, PLACE), PLACE), PLACE)
        assert not turned_vault.needs_resealing(anew)
        assert turned_vault.open(anew, PLACE) == PLAIN
        with pytest.raises(VaultError):
            vault.open(anew, PLACE)

    async def test_whether_a_stranger_s_text_needs_resealing_nobody_can_say(
        self, turned_vault: Vault, other_vault: Vault
    ) -> None:
        for text in (b"", PLAIN * 4, other_vault.seal(PLAIN, PLACE)):
            with pytest.raises(VaultError):
                turned_vault.needs_resealing(text)

    async def test_content_is_known_by_its_former_fingerprint(
        self, vault: Vault, turned_vault: Vault
    ) -> None:
        assert list(vault.former_fingerprints(PLAIN)) == []
        assert list(turned_vault.former_fingerprints(PLAIN)) == [vault.fingerprint(PLAIN)]
        assert turned_vault.fingerprint(PLAIN) != vault.fingerprint(PLAIN)
