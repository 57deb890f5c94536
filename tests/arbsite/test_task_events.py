"""What workers tell of themselves, while nobody takes it and after."""

from arbsite.celery import app


class Broker:
    """Takes what it is given while it is there, and counts how often it was tried and how patiently."""

    def __init__(self):
        self.is_there, self.tried, self.taken = False, [], []

    def publish(self, event, *, retry, **told):
        self.tried.append(retry)
        if not self.is_there:
            raise OSError("away")
        self.taken.append(event["type"])


def test_a_heartbeat_that_finds_no_broker_is_tried_once_and_goes_out_later():
    with app.connection_for_write() as link:
        dispatcher = app.events.Dispatcher(link, enabled=False)
        dispatcher.enabled, dispatcher.producer = True, Broker()
        dispatcher.send("worker-heartbeat", retry=True)  # as Celery sends it
        assert (dispatcher.producer.tried, dispatcher.producer.taken) == ([False], [])
        dispatcher.producer.is_there = True
        dispatcher.flush()
        assert dispatcher.producer.taken == ["worker-heartbeat"]
