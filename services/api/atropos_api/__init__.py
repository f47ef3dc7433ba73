"""The HTTP API: requests in, problems or JSON out. Everything it knows about tasks is in atropos_core."""
