"""The web application that gunicorn serves."""

from django.core.wsgi import get_wsgi_application

from arbsite import config
from ops import metrics_server

config.name_settings_module()
application = get_wsgi_application()

from arbsite.metrics.system import tell_of_the_system  # noqa: E402  late: it needs the apps that the line above sets up

tell_of_the_system()
metrics_server.serve()
