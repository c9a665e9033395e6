"""The ledger's records, a file for each: its dataclass, its key, to and from the item, its changes.

Nobody else knows how the table is laid out. docs/contracts.md has the whole layout in one table.
"""
