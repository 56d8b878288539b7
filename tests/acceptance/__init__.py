"""The contract with clients, sentence by sentence, over real HTTP on a real server; see contract.md."""
