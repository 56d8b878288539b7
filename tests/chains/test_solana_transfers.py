"""Which transactions bring how much on Solana, whatever they are made of."""

from collections.abc import AsyncIterator

import pytest

from tests.chains.optional import require

require("solana", "solana")
require("aiohttp", "evm")

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount, TokenAccountState
from spl.token.instructions import close_account, set_authority, transfer
from spl.token.models import AuthorityType, CloseAccountParams, SetAuthorityParams, TransferParams

from ytmarket.adapters.chains.solana.chain import DECIMALS, MINT, TOKEN_PROGRAM
from ytmarket.adapters.chains.solana.reader import SolanaReader
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainReader, Cursor
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.litesvm import Entry
from ytmarket.testing.chains.solana import SolanaWorld, new_solana_world
from ytmarket.testing.chains.solana_tokens import opening, plain_transfer
from ytmarket.testing.contracts.chain_reader import drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

UNITS = 10**DECIMALS


@pytest.fixture
async def world() -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        yield world


@pytest.fixture
async def reader(world: SolanaWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(reader: ChainReader) -> Cursor:
    return await reader.start()


async def read(world: SolanaWorld, start: Cursor) -> list[Deposit]:
    await world.settle()
    return (await drain(world.reader(), start))[0]


def succeeded(entry: Entry) -> Entry:
    assert entry.error is None, entry.error
    return entry


def closing(world: SolanaWorld) -> Instruction:
    return close_account(
        CloseAccountParams(
            program_id=TOKEN_PROGRAM, account=world.account, dest=world.payer, owner=world.wallet, signers=[]
        )
    )


async def test_a_deposit_tells_all_there_is_to_tell(world: SolanaWorld, start: Cursor) -> None:
    slot = world.ledger.slot
    signature = await world.pay(Usdt.of("12.345678"))
    (deposit,) = await read(world, start)
    assert (deposit.network, deposit.tx_hash, deposit.event_index) == (Network.SOLANA, signature, 0)
    assert (deposit.sender, deposit.recipient) == (str(world.payer), str(world.wallet))
    assert (deposit.raw, deposit.decimals) == (12_345_678, 6)
    assert (deposit.height, deposit.block_ref) == (slot, "")
    assert int(deposit.at.timestamp()) == world.ledger.time_of(slot)


async def test_a_plain_transfer_does_not_name_the_wallet_and_counts(
    world: SolanaWorld, start: Cursor
) -> None:
    succeeded(world.send(world.opening()))
    entry = succeeded(world.send(plain_transfer(world.payer, world.wallet, 3 * UNITS)))
    assert world.wallet not in entry.keys
    assert [deposit.raw for deposit in await read(world, start)] == [3 * UNITS]


async def test_several_transfers_of_one_transaction_are_one_deposit_of_their_sum(
    world: SolanaWorld, start: Cursor
) -> None:
    signature = await world.pay(Usdt.of(1), Usdt.of(2), Usdt(1))
    (deposit,) = await read(world, start)
    assert (deposit.tx_hash, deposit.event_index, deposit.raw) == (signature, 0, 3 * UNITS + 1)


async def test_an_account_may_stand_in_a_lookup_table(world: SolanaWorld, start: Cursor) -> None:
    succeeded(world.send(world.opening()))
    table = world.table_of(MINT, world.account, TOKEN_PROGRAM)
    entry = succeeded(world.ledger.execute(world.paying(4 * UNITS), tables=[table]))
    world.ledger.pass_slots(1)
    assert world.account in entry.writable
    assert MINT in entry.readonly
    assert world.account not in entry.transaction.message.account_keys
    assert [deposit.raw for deposit in await read(world, start)] == [4 * UNITS]


async def test_what_leaves_again_in_the_same_transaction_does_not_count(
    world: SolanaWorld, start: Cursor
) -> None:
    succeeded(world.send(world.opening()))
    steps = world.paying(5 * UNITS), world.sweeping(2 * UNITS)
    succeeded(world.send(*steps, signers=(world.owner,)))
    succeeded(world.send(world.sweeping(3 * UNITS), signers=(world.owner,)))
    assert [deposit.raw for deposit in await read(world, start)] == [3 * UNITS]


async def test_an_account_that_was_closed_may_be_opened_and_paid_to_again(
    world: SolanaWorld, start: Cursor
) -> None:
    await world.pay(Usdt.of(1))
    succeeded(world.send(world.sweeping(UNITS), closing(world), signers=(world.owner,)))
    assert world.ledger.holding(world.account) is None
    await world.pay(Usdt.of(2))
    assert [deposit.amount for deposit in await read(world, start)] == [Usdt.of(1), Usdt.of(2)]


async def test_what_is_minted_has_no_sender(world: SolanaWorld, start: Cursor) -> None:
    succeeded(world.send(world.opening(), world.minting(UNITS)))
    (deposit,) = await read(world, start)
    assert (deposit.raw, deposit.sender) == (UNITS, None)


async def test_nobody_is_the_sender_who_did_not_pay(world: SolanaWorld, start: Cursor) -> None:
    succeeded(world.send(world.opening(), world.opening(world.stranger)))
    nothing = plain_transfer(world.payer, world.stranger, 0)
    succeeded(world.send(nothing, world.minting(UNITS)))
    (deposit,) = await read(world, start)
    assert (deposit.raw, deposit.sender) == (UNITS, None)


async def test_the_wallet_itself_is_no_sender(world: SolanaWorld, start: Cursor) -> None:
    other = Keypair().pubkey()
    account = TokenAccount(
        mint=MINT,
        owner=world.wallet,
        amount=5 * UNITS,
        delegate=None,
        state=TokenAccountState.Initialized,
        is_native=None,
        delegated_amount=0,
        close_authority=None,
    )
    world.ledger.put(other, TOKEN_PROGRAM, bytes(account))
    succeeded(world.send(world.opening()))
    moving = transfer(
        TransferParams(
            program_id=TOKEN_PROGRAM,
            source=other,
            dest=world.account,
            owner=world.wallet,
            amount=5 * UNITS,
            signers=[],
        )
    )
    succeeded(world.send(moving, signers=(world.owner,)))
    (deposit,) = await read(world, start)
    assert (deposit.raw, deposit.sender) == (5 * UNITS, None)


async def test_the_sender_is_who_paid_most(world: SolanaWorld, start: Cursor) -> None:
    other = Keypair()
    succeeded(
        world.send(world.opening(), world.opening(other.pubkey()), world.paying(9 * UNITS, other.pubkey()))
    )
    world.ledger.fund(other.pubkey())
    steps = world.paying(UNITS), plain_transfer(other.pubkey(), world.wallet, 2 * UNITS)
    succeeded(world.send(*steps, signers=(other,)))
    (deposit,) = await read(world, start)
    assert (deposit.raw, deposit.sender) == (3 * UNITS, str(other.pubkey()))


async def test_money_for_an_account_that_was_made_over_is_not_ours(world: SolanaWorld, start: Cursor) -> None:
    await world.pay(Usdt.of(1))
    giving = set_authority(
        SetAuthorityParams(
            program_id=TOKEN_PROGRAM,
            account=world.account,
            authority=AuthorityType.ACCOUNT_OWNER,
            current_authority=world.wallet,
            signers=[],
            new_authority=world.stranger,
        )
    )
    reader = world.reader()
    _, middle = await drain(reader, start)
    succeeded(world.send(giving, signers=(world.owner,)))
    succeeded(world.send(world.paying(2 * UNITS)))
    await world.settle()
    deposits, _ = await drain(reader, middle)
    assert [deposit.amount for deposit in deposits] == [Usdt.of(1)]
    trouble = await trouble_of(world.reader(), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "YTMARKET_SOLANA_WALLET" in str(trouble)
    assert str(world.stranger) in str(trouble)


async def test_a_token_account_is_no_wallet(world: SolanaWorld) -> None:
    await world.pay(Usdt.of(1))
    trouble = await trouble_of(world.reader_of(world.url, wallet=str(world.account)), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "YTMARKET_SOLANA_WALLET" in str(trouble)


@pytest.mark.parametrize(
    "wallet",
    [
        "",
        "0x55d398326f99059fF775485246999027B3197955",
        "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "11111111111111111111111111111111",
        str(MINT),
        "l" * 44,
        "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYBB",
    ],
)
async def test_a_wallet_that_is_no_address_is_refused(world: SolanaWorld, wallet: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_SOLANA_WALLET"):
        SolanaReader.connect(wallet, [world.url], world.clock)


async def test_a_wallet_may_be_held_by_a_program(world: SolanaWorld) -> None:
    vault, _ = Pubkey.find_program_address([b"vault"], TOKEN_PROGRAM)
    assert not vault.is_on_curve()
    reader = world.reader_of(world.url, wallet=str(vault))
    start = await reader.start()
    succeeded(world.send(opening(world.payer, vault), world.paying(UNITS, vault)))
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert [deposit.recipient for deposit in deposits] == [str(vault)]
