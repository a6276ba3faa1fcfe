"""Groups of the same complaint, found in the background while flags arrive.

The rule: the app never waits for it. Examples are compared in a process of its own, since that takes an
interpreter for seconds; to hand flags over and keep the answers takes a few milliseconds at a time.
"""

from reviewer.grouping.job import Grouper, GroupingProgress

__all__ = ["Grouper", "GroupingProgress"]
