-- One row per change of labels or options that is new to the index, in log order, doubles left out. A change is applied
-- when its seq is higher than every seq before it of its model and part: of two writers who saw the same, the first wins.
insert into labels by name
with typed as (
    select
        position,
        try_cast(change_id as uuid) as change_id,
        try_cast(replace(changed_at, 'Z', '') as timestamp) as changed_at,
        model,
        part,
        coalesce(try_cast(seq as integer), 0) as seq,
        change,
        nullif(name, '') as name,
        try_cast(nullif(names, '') as json) as names,
        try_cast(nullif(added, '') as json) as added,
        nullif(color, '') as color,
        nullif(key, '') as key,
        nullif(reason, '') as reason,
        nullif(person, '') as person,
        try_cast(reverts as uuid) as reverts
    from incoming
),
fresh as (
    select min(position) as position
    from typed
    where change_id is not null and changed_at is not null
        and not exists (select 1 from labels as known where known.change_id = typed.change_id)
    group by change_id
),
known as (
    select model, part, max(seq) as seq from labels group by model, part
),
ordered as (
    select
        *,
        max(seq) over (
            partition by model, part order by position rows between unbounded preceding and 1 preceding
        ) as seq_before
    from typed
    where position in (select position from fresh)
)
select
    ordered.* exclude (seq_before),
    ordered.seq > greatest(coalesce(seq_before, 0), coalesce(known.seq, 0)) as is_applied
from ordered
left join known using (model, part)
order by ordered.position;
