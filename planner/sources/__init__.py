"""What can be scanned: files, object stores, and tables that a caller holds in memory.

All of it comes out as Arrow tables of the plan's types; see `dataset.py` for the protocol and
`opener.py` for the table of kinds.
"""
