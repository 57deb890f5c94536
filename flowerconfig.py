"""Flower's settings, read from the folder it is started in: however it is started, it asks for a login."""

from arbsite import config
from arbsite.processes import flower_login

basic_auth = [flower_login(config.current())]
