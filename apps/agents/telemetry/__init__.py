"""What agents' own telemetry says, read into facts, and what is kept of it."""
