-- One row per group of the flags at $positions, and per group of which a flag was split off, withdrawn or put back by
-- an event from $since on.
select distinct leader
from group_flags
where position in (select unnest($positions::bigint[]))
    or position in (
        select flags.position
        from reviews
        join flags using (flag_id)
        where reviews.position >= $since and reviews.event in ('split', 'revert')
    )
