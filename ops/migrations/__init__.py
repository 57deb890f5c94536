"""The schema of ops."""
