"""REST doors of monitoring."""
