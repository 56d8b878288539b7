"""Signed delivery of events to the addresses that clients registered."""
