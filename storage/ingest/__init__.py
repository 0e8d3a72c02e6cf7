"""Streams into the store: decoded in columns, committed with their offsets, poison set aside."""
