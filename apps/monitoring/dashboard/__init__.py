"""The dashboard's state: loaded once, moved by events, served as ready bytes."""
