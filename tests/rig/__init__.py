"""The rig: starts the real programs a test needs (PostgreSQL, Redis, our own processes, a browser)
on loopback, in directories of their own, and ends them by pid."""
