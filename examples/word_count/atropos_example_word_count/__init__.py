"""Counts words: a task type in a package of its own."""
