"""From parse trees to plans: sources, feature sets, training sets and the joins in time."""
