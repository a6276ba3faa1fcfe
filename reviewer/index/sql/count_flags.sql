-- One row per kind of flag with how many there are; the callers say of which flags and group them.
select
    status, model, model_version, option, predicted_label, resolution, verification, source, severity,
    assignee, needs_label, gold_by, mentions,
    case when confidence between 0 and 1 then least(cast(floor(confidence * 10) as integer), 9) end
        as confidence_bin,
    count(*) as flags
from flags
where not is_withdrawn
