"""The web application that gunicorn serves."""

from django.core.wsgi import get_wsgi_application

from arbsite import config

config.name_settings_module()
application = get_wsgi_application()
