"""The admin pages of ops."""
