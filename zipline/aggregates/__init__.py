"""The aggregates of the algebra: names, types, laws. Their states live in the kernels.

(Contract, to be filled: see `function.py` and one file a family.)
"""
