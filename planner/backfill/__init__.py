"""Backfills: a training set computed for a range of days, as partitioned Parquet."""
