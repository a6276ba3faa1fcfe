"""Batches: a file of examples run through a model, its mistakes flagged.

The rule: what is recorded of a batch is durable after every piece, so it can be killed and goes on from there
to the very results it would have had.
"""
