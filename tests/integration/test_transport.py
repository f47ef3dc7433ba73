"""The mended transport, on a real Redis that goes away."""

import pytest
from kombu import Connection, Queue

from atropos_worker.app import app
from tests.stack import Stack


def test_a_lost_acknowledgement_takes_no_slot(own_stack: Stack) -> None:
    """The message is counted no more: a worker that counted it would be deaf from then on."""
    with Connection(own_stack.redis_server.url, transport=app.conf.broker_transport) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        queue = Queue("lost", channel=channel)
        connection.Producer(channel).publish("once", routing_key="lost", declare=[queue])
        message = queue.get()
        assert message is not None
        assert not channel.qos.can_consume()
        own_stack.redis_server.kill()
        with pytest.raises(connection.connection_errors):
            message.ack()
        assert channel.qos.can_consume()
        own_stack.redis_server.start()
