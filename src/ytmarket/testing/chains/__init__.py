"""Small real chains on this machine, to pay on and to read from; one module for each engine.

Importing a module needs that network's extra; starting its chain needs what npm brings:
`npm install --prefix tests/node`.
"""
