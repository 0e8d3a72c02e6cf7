"""What is kept of a feature set, and how its values look."""
