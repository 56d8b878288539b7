"""`python -m ytmarket.entrypoints` is the command line."""

from ytmarket.entrypoints.cli import main

main()
