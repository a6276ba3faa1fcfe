-- One sentence per row of the reviews log whose ids or time cannot be read, or whose flag is in no log.
insert into rejected_rows
select
    'reviews',
    'row ' || position || ' has an unreadable event_id or reviewed_at, or its flag is unknown: '
        || left(event_id, 60)
from incoming
where try_cast(event_id as uuid) is null
    or try_cast(replace(reviewed_at, 'Z', '') as timestamp) is null
    or not exists (select 1 from flags where flags.flag_id = try_cast(incoming.flag_id as uuid));
