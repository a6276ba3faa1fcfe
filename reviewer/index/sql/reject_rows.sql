-- One sentence per row whose key, time or inputs cannot be read.
insert into rejected_rows
select
    $stream as stream,
    'row ' || position || ' has an unreadable id, time or JSON: ' || left(key_text, 60) as reason
from incoming_keys
where try_cast(key_text as uuid) is null
    or try_cast(replace(time_text, 'Z', '') as timestamp) is null
    or try_cast(json_text as json) is null;
