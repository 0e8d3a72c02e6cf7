"""Whether what was served is what the offline sources say: the log of fetches, computed again."""
