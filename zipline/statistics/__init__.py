"""What columns hold, and how far two of them differ.

`profile` describes the columns of a table: counts, quantiles, histograms. `drift` compares two
tables column by column: population stability index, Jensen-Shannon divergence, rate of NULLs. Both
are plain functions of Arrow tables, for features as for the inputs and outputs of models.
"""

from bighead.zipline.statistics.drift import ColumnDrift, Thresholds, drift
from bighead.zipline.statistics.profile import Bar, ColumnProfile, profile

__all__ = ["Bar", "ColumnDrift", "ColumnProfile", "Thresholds", "drift", "profile"]
