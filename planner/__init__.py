"""The engines, and the session that runs queries on them."""
