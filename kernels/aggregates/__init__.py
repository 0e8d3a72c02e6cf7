"""The algebra of aggregates: what the batch kernel and the states of tiles have in common, once."""
