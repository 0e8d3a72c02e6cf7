"""The one intermediate representation: types, expressions, sources and the nodes of a plan."""
