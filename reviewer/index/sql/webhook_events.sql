-- One row per event that a webhook may be told of: flags made and applied decisions between the positions, in order.
select
    'flag_made' as event, position, flag_id, model, model_version, option, severity, predicted_label, predicted_value,
    null as resolution, null as corrected_label, flagger as person, flagged_at as happened_at
from flags
where position >= $flags and position < $flags_end
union all
select
    case reviews.event when 'resolve' then 'flag_resolved' else 'flag_fixed' end, reviews.position, flags.flag_id,
    model, flags.model_version, option, severity, predicted_label, predicted_value, reviews.value,
    flags.corrected_label, reviews.reviewer, reviews.reviewed_at
from reviews
join flags using (flag_id)
where reviews.position >= $reviews and reviews.position < $reviews_end and reviews.is_applied
    and (reviews.event = 'resolve' or (reviews.event = 'verify' and reviews.value = 'fixed'))
order by event, position
