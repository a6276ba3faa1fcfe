-- One sentence per row of the log of label changes whose id or time cannot be read.
insert into rejected_rows
select
    'labels', 'row ' || position || ' has an unreadable change_id or changed_at: ' || left(change_id, 60)
from incoming
where try_cast(change_id as uuid) is null
    or try_cast(replace(changed_at, 'Z', '') as timestamp) is null;
