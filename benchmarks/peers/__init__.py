"""One module a system: `runner` gives a function that answers, from Parquet to Arrow."""
