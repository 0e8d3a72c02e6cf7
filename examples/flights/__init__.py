"""The US flights of 2013: which flights from New York will be late, told two hours ahead."""
