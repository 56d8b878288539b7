"""Ports: what the use cases ask of the outside world, and what each adapter promises."""
