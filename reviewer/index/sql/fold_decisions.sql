-- The last decision of each touched flag sets its status; a verdict on an older decision no longer counts.
update flags
set status = case when decision.event = 'resolve' then 'resolved' else decision.value end,
    resolution = case when decision.event = 'resolve' then decision.value end,
    corrected_label = decision.corrected_label,
    corrected_value = decision.corrected_value,
    corrected_output = decision.corrected_output,
    reviewer = decision.reviewer,
    reviewed_at = decision.reviewed_at,
    action_id = decision.action_id,
    verification = 'not_run',
    verified_version = null
from (
    select *, row_number() over (partition by flag_id order by position desc) as latest
    from live_events
    where event in ('resolve', 'status')
) as decision
where flags.flag_id = decision.flag_id and decision.latest = 1;
