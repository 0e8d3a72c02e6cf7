"""The command line `bighead`."""
