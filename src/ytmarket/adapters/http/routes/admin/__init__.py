"""The operator's side, by resource."""
