"""The door for curl: the fetch service over HTTP, in JSON."""
