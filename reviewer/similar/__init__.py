"""When two flagged examples are the same complaint: near duplicates of texts, pictures, rows and mixtures.

The rule: pure functions of the examples, so that the same flags make the same groups whenever they are
compared. A wrong group costs more than a missed one, since one decision is made for all of it: in doubt, two
are different.
"""
