"""Reads a table of a store with Python's sqlite3, as somebody else's program would.

Usage: read_store.py FILE TABLE. Prints whether the file is sound, then a line for each row.
"""

import sqlite3
import sys

path, table = sys.argv[1:]
connection = sqlite3.connect(path, timeout=30)
print(connection.execute("PRAGMA integrity_check").fetchone()[0])
for row in connection.execute(f'SELECT key, counter, expiration, value FROM "{table}" ORDER BY key'):
    print(*row)
