"""This engine beside its peers: the same Parquet in, the same Arrow table out, in one run.

`python -m benchmarks` (or `make bench`) writes the table and the plot of RESULTS.md.
"""
