"""Real work on reports: DuckDB reads, Vega draws, Typst sets, Jinja fills. report_generation.py calls it."""
