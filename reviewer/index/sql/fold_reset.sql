-- Flags whose history is folded from its start go back to how they were flagged, first.
update flags
set status = 'open', resolution = null, corrected_label = null, corrected_value = null,
    corrected_output = null, reviewer = null, reviewed_at = null, action_id = null,
    verification = 'not_run', verified_version = null, comments = 0, is_withdrawn = false
from (select distinct flag_id from live_events where is_refolded) as refolded
where flags.flag_id = refolded.flag_id;
