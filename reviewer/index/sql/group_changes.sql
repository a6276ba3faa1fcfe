-- One row per flag of the touched groups whose group or size is not what it should be. A group is named by its
-- oldest flag. A flag that was split off or withdrawn is alone, as is one of its kind.
with members as (
    select
        leader, position, flag_id, group_id, group_size,
        is_split or is_withdrawn as is_out,
        first_value(flag_id) over (partition by leader, is_out order by position) as oldest,
        count(*) over (partition by leader, is_out) as size
    from group_flags
    join flags using (position)
    where leader in (select leader from touched)
),
sized as (
    select
        *,
        case when not is_out and size > 1 then oldest end as new_id,
        case when is_out then 1 else size end::integer as new_size
    from members
)
select flag_id, new_id as group_id, new_size as group_size
from sized
where group_id is distinct from new_id or group_size is distinct from new_size
order by leader, position
