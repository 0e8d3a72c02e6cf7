"""The log of what was served: Parquet files of answers, sampled by key, written beside fetch."""
