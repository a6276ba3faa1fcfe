-- One row per flag of $ids in log order, with its state and without its inputs, scores and words.
-- Ids are texts here: a UUID takes Python longer to make than the rest of the row.
select
    flag_id::varchar as flag_id, prediction_id::varchar as prediction_id, flagged_at, model, model_version, task,
    example_id, predicted_label, predicted_value, option, status, resolution, corrected_label, corrected_value,
    reviewer, reviewed_at, action_id::varchar as action_id, verification, comments, seq, is_withdrawn, assignee,
    claimed_until, second_review, first_reviewer, second_reviewer, gold_by, is_split
from flags
where flags.flag_id in (select unnest($ids::uuid[]))
order by position
