"""Settings, addresses, and the one place that knows in which mode the house runs."""
