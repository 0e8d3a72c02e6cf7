"""Zipline: the language of features and its meaning; no I/O and no engine lives here.

`sql` turns text into `ir`; `expressions` and `aggregates` say what its functions mean; `windows`
and `catalog` hold the words around them. Engines (in `bighead.planner`) give the rows.
"""
