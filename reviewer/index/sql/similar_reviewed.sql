-- One row per right answer that reviews gave to flags like $flag_id: those of its group $group_id, and those on the
-- example $example_id of the model $model. The row without an answer counts those not reviewed, or resolved without one;
-- whole outputs are no answers here. Values that agree in three digits are one answer, the one in their middle.
with similar_flags as (
    select
        status,
        case resolution when 'label_corrected' then corrected_label when 'prediction_correct' then predicted_label end
            as label,
        case resolution when 'label_corrected' then corrected_value when 'prediction_correct' then predicted_value end
            as value
    from flags
    where not is_withdrawn
        and flag_id <> $flag_id
        and (group_id = cast($group_id as uuid) or (example_id = $example_id and model = $model))
),
answers as (
    select status, label, case when label is null and isfinite(value) then value end as value
    from similar_flags
)
select
    label,
    median(value) as value,
    count(*) as flags,
    count(*) filter (where status = 'resolved') as reviewed
from answers
group by
    label,
    case when value = 0 then 0 else round(value, 2 - cast(floor(log10(abs(value))) as integer)) end
order by flags desc, label, value
