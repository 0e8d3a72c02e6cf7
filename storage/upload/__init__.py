"""Uploads: a set made anew from its offline sources, beside what streams bring meanwhile."""
