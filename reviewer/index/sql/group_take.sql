-- Writes the groups that the app shared into the flags that differ; a flag that is not among them, or was split off
-- since, is alone.
update flags
set group_id = found.group_id, group_size = found.group_size
from (
    select
        flags.position,
        case when not flags.is_split then shared.group_id::uuid end as group_id,
        coalesce(case when not flags.is_split then shared.group_size end, 1) as group_size
    from flags
    left join shared on flags.flag_id = shared.flag_id::uuid
) as found
where
    flags.position = found.position
    and (flags.group_id is distinct from found.group_id or flags.group_size is distinct from found.group_size)
