"""Where bytes lie: an ordered database of few tables, and the keys in them."""
