-- One row per event of the flags $ids in log order, with whether a later revert took it back.
select
    reviews.*,
    reviews.event <> 'revert' and exists (
        select 1
        from reviews as revert
        where revert.flag_id = reviews.flag_id
            and revert.reverts = reviews.event_id
            and revert.position > reviews.position
            and revert.event = 'revert'
            and revert.is_applied
    ) as is_undone
from reviews
where reviews.flag_id in (select unnest($ids::uuid[]))
order by reviews.position
