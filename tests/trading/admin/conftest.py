"""A signed-in operator, and a look at pages the way a browser asks for them."""

import pytest
from django.contrib.auth.models import User


@pytest.fixture
def operator(client, db):
    client.force_login(User.objects.create_superuser("operator", password="a long enough one"))
    return client
