"""The derived index: one DuckDB file in which the logs are folded into the state of every flag.

Never the only copy of anything: deleting it loses nothing, and it is rebuilt from the logs.
"""
