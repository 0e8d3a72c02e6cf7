"""Requests to the process that writes a store, from those that may not write to it meanwhile."""
