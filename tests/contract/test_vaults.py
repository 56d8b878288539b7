"""Every vault keeps the promises of the Vault port."""

from __future__ import annotations

import pytest

from ytmarket.adapters.inmemory import InMemoryVault
from ytmarket.adapters.system.master_key import MasterKeys
from ytmarket.adapters.system.vault import AesGcmVault
from ytmarket.application.ports.vault import Vault
from ytmarket.testing.contracts import VaultContract


class TestVaultInMemory(VaultContract):
    @pytest.fixture
    def vault(self) -> Vault:
        return InMemoryVault()

    @pytest.fixture
    def other_vault(self) -> Vault:
        return InMemoryVault()

    @pytest.fixture
    def turned_vault(self, vault: InMemoryVault) -> Vault:
        return InMemoryVault(former=vault)


class TestAesGcmVault(VaultContract):
    @pytest.fixture
    def vault(self) -> Vault:
        return AesGcmVault.of(MasterKeys(current=bytes(range(32))))

    @pytest.fixture
    def other_vault(self) -> Vault:
        return AesGcmVault.of(MasterKeys(current=bytes(range(1, 33))))

    @pytest.fixture
    def turned_vault(self) -> Vault:
        return AesGcmVault.of(MasterKeys(current=bytes(32), old=(bytes(range(32)),)))
