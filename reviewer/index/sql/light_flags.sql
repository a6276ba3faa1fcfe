-- One row per flag of $ids in log order, with its state and without its inputs, scores and words.
select
    flag_id, prediction_id, flagged_at, model, model_version, task, example_id, '{}' as inputs, predicted_label,
    predicted_value, option, status, resolution, corrected_label, corrected_value, reviewer, reviewed_at,
    action_id, verification, comments, seq, is_withdrawn, assignee, is_split
from flags
where flag_id in (select unnest($ids::uuid[]))
order by position
