-- One row per group of the placed flags, and per group of which a flag was split off, withdrawn or put back by
-- an event from $since on.
select distinct leader
from group_flags
where position in (select position from placed)
    or position in (
        select flags.position
        from reviews
        join flags using (flag_id)
        where reviews.position >= $since and reviews.event in ('split', 'revert')
    )
