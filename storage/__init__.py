"""The online store: rows and tiles of feature sets in a key-value database."""
