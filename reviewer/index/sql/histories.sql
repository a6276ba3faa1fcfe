-- One row per event of the flags $ids in log order, with whether a revert took it back.
with events as (
    select *
    from reviews
    where flag_id in (select unnest($ids::uuid[]))
)
select
    *,
    event <> 'revert' and event_id in (
        select reverts from events where event = 'revert' and is_applied and reverts is not null
    ) as is_undone
from events
order by position
