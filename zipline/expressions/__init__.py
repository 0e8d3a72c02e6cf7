"""The closed list of scalar functions: types, meaning, and one evaluator over Arrow.

(Contract, to be filled: see `function.py`, `typing.py`, `evaluate.py`.)
"""
