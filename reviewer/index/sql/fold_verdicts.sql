-- The last verdict of each touched flag, when no decision came after it and none was taken back.
update flags
set verification = verdict.value, verified_version = verdict.model_version
from (
    select *, row_number() over (partition by flag_id order by position desc) as latest
    from live_events
    where event in ('resolve', 'status', 'verify', 'revert')
) as verdict
where flags.flag_id = verdict.flag_id and verdict.latest = 1 and verdict.event = 'verify';
