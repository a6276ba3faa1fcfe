-- Leaves out every row that was dealt to another split than its group belongs to now: it stays in no split rather than
-- that it moves, or that its duplicates stand in two.
update chosen
set reason = 'leak'
from dealt, known_splits as known
where chosen.reason is null
    and dealt.group_key = chosen.group_key
    and known.example_id = chosen.example_id
    and known.split <> dealt.split;
