// A TON of its own in this process: @ton/sandbox executes real contracts, the jetton's among them.
"use strict";

const { createHash } = require("node:crypto");

const Op = { transfer: 0x0f8a7ea5, internalTransfer: 0x178d4519, notification: 0x7362d09c, excesses: 0xd53276db, mint: 21 };
const Value = { mint: "0.2", transfer: "0.2", forward: "0.05" };
const PLENTY = 10n ** 15n;
const Ruins = {
  refuses: "F225", // THROW 37, whatever comes
  stumbles: "C8C970FB00", // it takes everything, then fails to send a message that is empty
};

/** The contracts and what people do with them. `load` brings a package of npm, `usdt` is the jetton's real address. */
async function newChain(load, usdt) {
  const { Blockchain, createShardAccount } = load("@ton/sandbox");
  const { Address, Cell, Dictionary, beginCell, toNano } = load("@ton/core");
  const built = "@ton-community/assets-sdk/dist/jetton/contracts/build/";
  const minterCode = Cell.fromBase64(load(`${built}jetton-minter`).jettonMinterCode.codeBoc);
  const walletCode = Cell.fromBase64(load(`${built}jetton-wallet`).jettonWalletCode.codeBoc);

  const chain = await Blockchain.create();
  const history = new Map(); // from an account to its transactions, the oldest first
  const commits = []; // how many transactions each has taken in, and when
  let executed = 0;
  const jettons = {};
  const people = {};

  const now = () => Math.floor(Date.now() / 1000);
  const rawOf = (transaction) => `0:${transaction.address.toString(16).padStart(64, "0")}`;

  function record({ transactions }) {
    return transactions.map((transaction) => {
      executed += 1;
      const account = rawOf(transaction);
      if (!history.has(account)) history.set(account, []);
      history.get(account).push({ transaction, number: executed });
      const description = transaction.description;
      return {
        account,
        hash: transaction.hash().toString("hex"),
        lt: String(transaction.lt),
        now: transaction.now,
        aborted: Boolean(description.aborted),
        bounced: Boolean(transaction.inMessage?.info.bounced),
        exit: description.computePhase?.exitCode ?? null,
      };
    });
  }

  async function person(name) {
    people[name] ??= await chain.treasury(name);
    return people[name];
  }

  function contentOf(decimals) {
    const entries = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
    for (const [name, text] of Object.entries({ uri: "https://jetton.example/usdt.json", decimals })) {
      const value = beginCell().storeUint(0, 8).storeStringTail(text).endCell();
      entries.set(createHash("sha256").update(name).digest(), value);
    }
    return beginCell().storeUint(0, 8).storeDict(entries).endCell();
  }

  async function installJetton(name, master, decimals) {
    const admin = await person(`maker of ${name}`);
    const data = beginCell().storeCoins(0).storeAddress(admin.address);
    const cell = data.storeRef(contentOf(decimals)).storeRef(walletCode).endCell();
    const account = createShardAccount({ address: master, code: minterCode, data: cell, balance: toNano("10") });
    await chain.setShardAccount(master, account);
    jettons[name] = { master, admin };
  }

  async function jettonWalletOf(owner, jetton = "usdt") {
    const asked = [{ type: "slice", cell: beginCell().storeAddress(owner).endCell() }];
    const answer = await chain.runGetMethod(jettons[jetton].master, "get_wallet_address", asked);
    return answer.stackReader.readAddress();
  }

  const comment = (text) => beginCell().storeUint(0, 32).storeStringTail(text).endCell();

  function payload(builder, { comment: text, inline }) {
    if (text === undefined) return builder.storeBit(0);
    return inline ? builder.storeBit(0).storeSlice(comment(text).asSlice()) : builder.storeBit(1).storeRef(comment(text));
  }

  const bodies = {
    empty: () => beginCell().endCell(),
    comment: ({ text }) => comment(text),
    excesses: () => beginCell().storeUint(Op.excesses, 32).storeUint(0, 64).endCell(),
    internalTransfer: ({ amount, owner }) =>
      beginCell().storeUint(Op.internalTransfer, 32).storeUint(0, 64).storeCoins(BigInt(amount))
        .storeAddress(Address.parse(owner)).storeAddress(null).storeCoins(0).storeBit(0).endCell(),
    notification: ({ amount, owner }) =>
      beginCell().storeUint(Op.notification, 32).storeUint(0, 64).storeCoins(BigInt(amount))
        .storeAddress(Address.parse(owner)).storeBit(0).endCell(),
  };

  const acts = {
    /** Somebody who holds some TON, by any name. */
    async person({ name }) {
      const { address } = await person(name);
      const friendly = address.toString({ bounceable: false });
      return { address: friendly, raw: address.toRawString(), account: (await jettonWalletOf(address)).toRawString() };
    },
    async jettonWallet({ owner, jetton }) {
      return (await jettonWalletOf(Address.parse(owner), jetton)).toRawString();
    },
    async mint({ to, amount, jetton = "usdt" }) {
      const { master, admin } = jettons[jetton];
      const told = beginCell().storeUint(Op.internalTransfer, 32).storeUint(0, 64).storeCoins(BigInt(amount))
        .storeAddress(master).storeAddress(null).storeCoins(0).storeBit(0).endCell();
      const body = beginCell().storeUint(Op.mint, 32).storeUint(0, 64).storeAddress(Address.parse(to))
        .storeCoins(toNano(Value.forward)).storeRef(told).endCell();
      return record(await admin.send({ to: master, value: toNano(Value.mint), body }));
    },
    /** The owner tells its jetton wallet to send so much to another owner. */
    async transfer({ from, to, amount, jetton = "usdt", forward = "0", ...said }) {
      const owner = await person(from);
      const start = beginCell().storeUint(Op.transfer, 32).storeUint(0, 64).storeCoins(BigInt(amount))
        .storeAddress(Address.parse(to)).storeAddress(owner.address).storeBit(0).storeCoins(BigInt(forward));
      const account = await jettonWalletOf(owner.address, jetton);
      return record(await owner.send({ to: account, value: toNano(Value.transfer), body: payload(start, said).endCell() }));
    },
    /** A message of any kind from somebody's wallet to any account. */
    async send({ from, to, value = "0.5", kind, ...said }) {
      const sender = await person(from);
      return record(await sender.send({ to: Address.parse(to), value: toNano(value), body: bodies[kind](said) }));
    },
    /** Replace a contract by one that refuses whatever it is told, or stumbles over it. */
    async ruin({ account, ruin }) {
      const code = beginCell().storeBuffer(Buffer.from(Ruins[ruin], "hex")).endCell();
      const address = Address.parse(account);
      const data = beginCell().endCell();
      await chain.setShardAccount(address, createShardAccount({ address, code, data, balance: toNano("1") }));
      return true;
    },
    /** What an owner holds. */
    async balance({ owner, jetton = "usdt" }) {
      const account = await jettonWalletOf(Address.parse(owner), jetton);
      if (!history.has(account.toRawString())) return "0";
      return (await chain.runGetMethod(account, "get_wallet_data", [])).stackReader.readBigNumber().toString();
    },
    /** The masterchain takes in all that was executed; answers how many commits there are by now. */
    async commit() {
      commits.push({ executed, at: now() });
      return commits.length;
    },
  };

  // The real one; one that anybody may call USDT; and one that calls itself so, and counts in other units.
  await installJetton("usdt", usdt, "6");
  await installJetton("counterfeit", Address.parse(`0:${"f".repeat(64)}`), "6");
  await installJetton("odd", Address.parse(`0:${"9".repeat(64)}`), "9");
  for (const [jetton, holder] of [["usdt", "payer"], ["counterfeit", "thief"]]) {
    await acts.mint({ to: (await person(holder)).address.toRawString(), amount: PLENTY, jetton });
  }
  await acts.commit();

  /** An account's transactions as of a commit, and that commit's time; blocks without any go on being made. */
  function seen(account, commit) {
    const isLast = commit === undefined;
    const { executed: known, at } = isLast ? commits.at(-1) : commits[commit];
    const transactions = (history.get(account) ?? []).filter((entry) => entry.number <= known);
    return { transactions: transactions.map((entry) => entry.transaction), at: isLast && known === executed ? now() : at };
  }

  const run = (address, method, stack) => chain.runGetMethod(address, method, stack);
  return { acts, seen, run };
}

module.exports = { newChain };
