"""Footers of Parquet files: where chunks lie, and where the footer says so."""

from bighead.kernels.parquet._parquet import row_groups

__all__ = ["row_groups"]
