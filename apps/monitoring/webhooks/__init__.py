"""Webhooks: somebody else's server is told of what happens here, signed, at least once."""
