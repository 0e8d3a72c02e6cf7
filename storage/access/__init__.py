"""Who may do what: callers, their tokens and scopes, the same at every door."""
