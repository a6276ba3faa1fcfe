-- One sentence per row of the flags log whose id, time or inputs cannot be read.
insert into rejected_rows
select
    'flags',
    'row ' || position || ' has an unreadable flag_id, flagged_at or inputs: ' || left(flag_id, 60)
from incoming
where try_cast(flag_id as uuid) is null
    or try_cast(replace(flagged_at, 'Z', '') as timestamp) is null
    or try_cast(inputs as json) is null;
