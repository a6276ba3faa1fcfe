-- One row per flag in the queue, the columns a list shows, from a bound on; filters and order are set in queries.py.
select
    position, flag_id, flagged_at, flagger, source, model, model_version, task, option, severity, comment,
    suggested_label, predicted_label, confidence, predicted_value, preview, thumbnail, status, resolution,
    corrected_label, corrected_value, verification, verified_version, reviewer, reviewed_at, seq, comments
from flags
