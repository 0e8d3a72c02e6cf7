"""From rows of a source to blocks."""
