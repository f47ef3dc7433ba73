"""Real work on tables: DuckDB in the worker's process, without access to anything but the task's own files."""
