"""Features by name over gRPC: what is served, the service, and its clients."""
