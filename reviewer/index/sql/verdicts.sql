-- One row per reviewed flag and version that was run over it: the last verdict that nobody took back, and whether
-- a decision or a revert of one came after it.
with events as (
    select reviews.*
    from reviews
    where reviews.is_applied
        and not exists (
            select 1
            from reviews as revert
            where revert.flag_id = reviews.flag_id
                and revert.reverts = reviews.event_id
                and revert.position > reviews.position
                and revert.event = 'revert'
                and revert.is_applied
        )
),
decided as (
    select flag_id, max(position) as decided_at
    from events
    where event in ('resolve', 'status', 'ask_second', 'adjudicate', 'revert')
    group by flag_id
)
select
    flags.flag_id::varchar as flag_id, flags.resolution, events.model_version as version,
    events.value as verification, events.reviewed_at as verified_at,
    events.position < coalesce(decided.decided_at, -1) as is_stale
from events
inner join flags using (flag_id)
left join decided using (flag_id)
where events.event = 'verify' and flags.model = $model and flags.status = 'resolved' and not flags.is_withdrawn
    and ($version is null or events.model_version = $version)
qualify row_number() over (partition by events.flag_id, events.model_version order by events.position desc) = 1
order by flags.position, events.position
