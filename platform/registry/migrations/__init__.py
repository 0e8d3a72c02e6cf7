"""Alembic's folder: one module a revision of the schema, in `versions`.

One tree for the whole database: whatever else the platform keeps in it continues here.
"""
