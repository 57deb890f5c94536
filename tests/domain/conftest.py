"""Properties are never judged by how long they took: the machine may be busy."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
