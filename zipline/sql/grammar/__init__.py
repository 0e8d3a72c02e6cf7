"""From text to parse trees: words, statements, queries, windows, and other engines' spellings."""
