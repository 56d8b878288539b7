// Answers what tonlib is asked, in its own JSON, from the chain in this process.
"use strict";

const PAGE = 10; // as many transactions as tonlib asks a lite server for
const NOT_THERE = -13; // how a get-method ends where there is no contract
const WORKCHAIN = { workchain: -1, shard: "-9223372036854775808" };

/** From a request, and as of which commit it is answered, to an answer. */
function newTonlib(load, chain, zeroState) {
  const { Address, Cell } = load("@ton/core");
  const contracts = new Map();

  const base64 = (number) => Buffer.from(BigInt(number).toString(16).padStart(64, "0"), "hex").toString("base64");
  const boc = (cell) => cell.toBoc({ idx: false }).toString("base64");
  const error = (message, code = 500) => ({ "@type": "error", code, message });
  const idOf = (lt, hash) => ({ "@type": "internal.transactionId", lt: String(lt), hash });
  const hashOf = (transaction) => transaction.hash().toString("base64");
  const block = (seqno) =>
    ({ "@type": "ton.blockIdExt", ...WORKCHAIN, seqno, root_hash: base64(seqno), file_hash: base64(seqno + 1) });

  function accountState({ account_address: { account_address: address } }, commit) {
    const { transactions, at } = chain.seen(Address.parse(address).toRawString(), commit);
    const last = transactions.at(-1);
    const id = last === undefined ? idOf(0, base64(0)) : idOf(last.lt, hashOf(last));
    return { "@type": "raw.fullAccountState", balance: "1", last_transaction_id: id, block_id: block(1), sync_utime: at };
  }

  function transactions({ account_address: { account_address: address }, from_transaction_id: from }, commit) {
    const { transactions: known } = chain.seen(Address.parse(address).toRawString(), commit);
    const place = known.findIndex((one) => String(one.lt) === String(from.lt) && hashOf(one) === from.hash);
    if (place < 0) return error("LITE_SERVER_UNKNOWN: cannot locate transaction in block with specified logical time");
    const page = known.slice(Math.max(0, place - PAGE + 1), place + 1).reverse();
    const oldest = page.at(-1);
    return {
      "@type": "raw.transactions",
      transactions: page.map((one) => ({
        "@type": "raw.transaction",
        utime: one.now,
        data: boc(one.raw),
        transaction_id: idOf(one.lt, hashOf(one)),
        fee: String(one.totalFees.coins),
      })),
      previous_transaction_id: idOf(oldest.prevTransactionLt, base64(oldest.prevTransactionHash)),
    };
  }

  const slice = (entry) => ({ type: "slice", cell: Cell.fromBase64(entry.slice.bytes) });

  function stackEntry(item) {
    if (item.type === "int") {
      return { "@type": "tvm.stackEntryNumber", number: { "@type": "tvm.numberDecimal", number: String(item.value) } };
    }
    const cell = { bytes: boc(item.cell) };
    return item.type === "slice"
      ? { "@type": "tvm.stackEntrySlice", slice: { "@type": "tvm.slice", ...cell } }
      : { "@type": "tvm.stackEntryCell", cell: { "@type": "tvm.cell", ...cell } };
  }

  async function runGetMethod({ id, method, stack }) {
    try {
      const { stack: left, exitCode } = await chain.run(contracts.get(id), method.name, stack.map(slice));
      return { "@type": "smc.runResult", gas_used: 1, exit_code: exitCode, stack: left.map(stackEntry) };
    } catch (failure) {
      return { "@type": "smc.runResult", gas_used: 0, exit_code: failure.exitCode ?? NOT_THERE, stack: [] };
    }
  }

  function load_({ account_address: { account_address: address } }) {
    contracts.set(contracts.size + 1, Address.parse(address));
    return { "@type": "smc.info", id: contracts.size };
  }

  const answers = {
    init: () => ({ "@type": "options.info", config_info: { "@type": "options.configInfo" } }),
    sync: () => block(1),
    "blocks.getMasterchainInfo": () =>
      ({ "@type": "blocks.masterchainInfo", last: block(1), init: { ...block(0), ...zeroState }, state_root_hash: base64(1) }),
    "raw.getAccountState": accountState,
    "raw.getTransactions": transactions,
    "smc.load": load_,
    "smc.runGetMethod": runGetMethod,
    "smc.getRawFullAccountState": ({ id }, commit) =>
      accountState({ account_address: { account_address: contracts.get(id).toString() } }, commit),
  };
  return async (query, commit) => answers[query["@type"]]?.(query, commit) ?? error(`unknown request ${query["@type"]}`, 400);
}

module.exports = { newTonlib };
