-- One row per flag of `keys`, the columns a list shows, with how often flags like it turned out wrong. Only these few
-- rows are read whole: the keys were chosen from narrow columns.
select
    position, flag_id, flagged_at, flagger, source, model, model_version, task, option, severity,
    comment, suggested_label, predicted_label, confidence, predicted_value, preview, thumbnail, status,
    resolution, corrected_label, corrected_value, verification, verified_version, reviewer, reviewed_at, seq,
    comments, assignee, group_id, group_size, is_withdrawn, sort_key, wrong, reviewed, wrong_share
from flags
inner join keys using (position)
