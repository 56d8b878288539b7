// Reads one request a line, `{act, ...}` or `{query, commit}`, and writes one answer a line.
//   node ton_sandbox.cjs FOLDER-WITH-NODE_MODULES ADDRESS-OF-USDT ROOT-HASH FILE-HASH
"use strict";

const { createRequire } = require("node:module");
const { resolve } = require("node:path");
const { createInterface } = require("node:readline");
const { newChain } = require("./ton_chain.cjs");
const { newTonlib } = require("./ton_tonlib.cjs");

const [folder, usdt, rootHash, fileHash] = process.argv.slice(2);
const load = createRequire(resolve(folder, "index.cjs"));

async function main() {
  const { Address } = load("@ton/core");
  const chain = await newChain(load, Address.parse(usdt));
  const tonlib = newTonlib(load, chain, { root_hash: rootHash, file_hash: fileHash });
  const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
  say({ result: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    const { act, query, commit, ...told } = JSON.parse(line);
    try {
      say({ result: await (query === undefined ? chain.acts[act](told) : tonlib(query, commit)) });
    } catch (failure) {
      say({ error: String(failure.stack ?? failure) });
    }
  }
}

main();
