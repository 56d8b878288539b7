"""Use cases: what the shop can be asked to do, in terms of the domain and of ports."""
