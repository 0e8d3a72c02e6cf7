"""Plain SELECT: what a user of SQL expects around the temporal joins."""
