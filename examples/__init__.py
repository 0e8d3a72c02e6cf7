"""Worked examples, one folder each."""
