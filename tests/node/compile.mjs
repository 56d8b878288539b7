// Compiles src/ytmarket/testing/chains/contracts.sol into contracts.json beside it. Run it after a change:
//   npm install --prefix tests/node --no-save solc@0.8.37 && node tests/node/compile.mjs
import { readFileSync, writeFileSync } from "node:fs";
import solc from "solc";

const folder = new URL("../../src/ytmarket/testing/chains/", import.meta.url);
const input = {
  language: "Solidity",
  sources: { "contracts.sol": { content: readFileSync(new URL("contracts.sol", folder), "utf8") } },
  settings: {
    // The oldest rules that all local chains know, and no hash of the source at the end.
    evmVersion: "paris",
    metadata: { appendCBOR: false },
    optimizer: { enabled: true, runs: 200 },
    outputSelection: { "*": { "*": ["evm.deployedBytecode.object", "evm.methodIdentifiers"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
}
const contracts = {};
for (const [name, { evm }] of Object.entries(output.contracts["contracts.sol"])) {
  contracts[name] = { code: `0x${evm.deployedBytecode.object}`, methods: evm.methodIdentifiers };
}
writeFileSync(new URL("contracts.json", folder), `${JSON.stringify(contracts, null, 2)}\n`);
