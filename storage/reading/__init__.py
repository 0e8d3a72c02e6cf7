"""From blocks to features as of a time."""
