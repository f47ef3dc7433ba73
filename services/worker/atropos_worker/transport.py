"""Kombu's transport for Redis with one fault mended, which made workers deaf; app.py names it."""

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Counts the messages that are not acknowledged yet: while they are as many as the slots, none is taken."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, and count it no more, whether Redis hears of it or not.

        Kombu 5.7 goes on counting it when Redis is away, and so the worker never takes another one in its slot. What
        Redis did not hear it sends again after the visibility timeout; then there is nothing to claim.
        """
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """With our counting."""

    QoS = QoS


class Transport(redis.Transport):
    """With our channel."""

    Channel = Channel
