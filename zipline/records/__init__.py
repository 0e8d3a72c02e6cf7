"""From the records of a format to the columns of a source, the same in batches and in streams."""
