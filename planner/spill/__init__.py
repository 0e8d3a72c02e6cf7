"""Work that is larger than memory: rows go to files, are worked on part by part, and come back."""
