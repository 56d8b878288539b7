"""The HTTP interface: routes, authentication and JSON."""
