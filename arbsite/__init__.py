"""The Django project: configuration, processes, pages."""
