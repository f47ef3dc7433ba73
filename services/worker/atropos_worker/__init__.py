"""The worker and the dispatcher. Celery is the transport and the process pool, and nothing more."""
