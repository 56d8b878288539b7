"""Renews every generated part of the docs, and says which files it changed."""

import sys

from tools.docs.pages import renew

for path in renew():
    sys.stdout.write(f"{path}\n")
