"""Atropos beside its peers, on the same servers in the same run. `make bench` runs it."""
