"""The models app's schema."""
