-- One row per event that is new to the index, in log order, doubles left out. An event is applied when its
-- seq is higher than every seq before it in the log: of two writers who saw the same state, the first wins.
insert into reviews by name
with typed as (
    select
        position,
        try_cast(event_id as uuid) as event_id,
        try_cast(flag_id as uuid) as flag_id,
        coalesce(try_cast(seq as integer), 0) as seq,
        event,
        nullif(value, '') as value,
        nullif(corrected_label, '') as corrected_label,
        try_cast(corrected_value as double) as corrected_value,
        try_cast(nullif(corrected_output, '') as json) as corrected_output,
        nullif(reviewer, '') as reviewer,
        try_cast(replace(reviewed_at, 'Z', '') as timestamp) as reviewed_at,
        try_cast(action_id as uuid) as action_id,
        try_cast(reverts as uuid) as reverts,
        try_cast(certainty as integer) as certainty,
        try_cast(seconds as double) as seconds,
        nullif(model_version, '') as model_version
    from incoming
),
fresh as (
    select min(position) as position
    from typed
    where event_id is not null and flag_id is not null and reviewed_at is not null
        and not exists (select 1 from reviews as known where known.event_id = typed.event_id)
    group by event_id
),
ordered as (
    select
        *,
        max(seq) over (
            partition by flag_id order by position rows between unbounded preceding and 1 preceding
        ) as seq_before
    from typed
    where position in (select position from fresh)
)
select
    ordered.* exclude (seq_before),
    ordered.seq = 0 or ordered.seq > greatest(coalesce(seq_before, 0), flags.seq) as is_applied
from ordered
inner join flags using (flag_id)
order by ordered.position;
