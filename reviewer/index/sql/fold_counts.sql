-- Sequence numbers, comments and withdrawals of the touched flags.
update flags
set seq = greatest(flags.seq, counted.seq),
    comments = flags.comments + counted.comments,
    is_withdrawn = flags.is_withdrawn or counted.is_withdrawn
from (
    select
        flag_id,
        max(last_seq) as seq,
        count(*) filter (where event = 'comment') as comments,
        bool_or(event = 'revert' and reverts = flag_id) as is_withdrawn
    from live_events
    group by flag_id
) as counted
where flags.flag_id = counted.flag_id;
