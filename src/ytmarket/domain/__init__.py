"""Values and pure functions: what the shop's rules are, whatever stores or serves them."""
