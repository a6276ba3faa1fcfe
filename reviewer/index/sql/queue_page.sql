-- One row per flag, the columns a list shows, with how often flags like it turned out wrong.
select
    position, flag_id, flagged_at, flagger, source, model, model_version, task, option, severity,
    comment, suggested_label, predicted_label, confidence, predicted_value, preview, thumbnail, status,
    resolution, corrected_label, corrected_value, verification, verified_version, reviewer, reviewed_at, seq,
    comments, assignee, claimed_until, second_review, first_reviewer, second_reviewer, gold_by, mentions,
    group_id, group_size, is_withdrawn, needs_label, says_wrong, severity_points, confidence_points, wrong,
    reviewed, wrong_share
from flags
