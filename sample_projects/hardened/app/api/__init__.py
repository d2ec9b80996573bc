"""Routers and the bodies of requests and responses."""
