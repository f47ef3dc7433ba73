"""The domain of Atropos: what a task is, how it changes, and where it is kept. Knows neither HTTP nor Celery."""
