-- Every name of the flags in `renamed` as `current_names` has it now, from what was written.
with written as (
    select
        position, model, resolution, confidence,
        coalesce(raw_predicted_label, predicted_label) as predicted,
        coalesce(raw_corrected_label, corrected_label) as corrected,
        coalesce(raw_suggested_label, suggested_label) as suggested,
        coalesce(raw_option, option) as chosen
    from flags
    where position in (select position from renamed)
),
labels_now as (select * from current_names where part = 'label'),
told as (
    select
        written.*,
        coalesce(of_predicted.name, predicted) as predicted_now,
        coalesce(of_corrected.name, corrected) as corrected_now,
        coalesce(of_suggested.name, suggested) as suggested_now,
        coalesce(of_option.name, chosen) as option_now,
        chosen in ('wrong_label', 'wrong_value', 'overconfident', 'hallucination')
            or option_now in ('wrong_label', 'wrong_value', 'overconfident', 'hallucination')
            or coalesce(suggested_now <> predicted_now, false) as says_wrong_now,
        case resolution
            when 'label_corrected' then coalesce(of_corrected.is_ended, false)
            when 'prediction_correct' then coalesce(of_predicted.is_ended, false)
            else false
        end as is_ended
    from written
    left join labels_now as of_predicted
        on of_predicted.model = written.model and of_predicted.written = predicted
    left join labels_now as of_corrected
        on of_corrected.model = written.model and of_corrected.written = corrected
    left join labels_now as of_suggested
        on of_suggested.model = written.model and of_suggested.written = suggested
    left join current_names as of_option
        on of_option.part = 'option' and of_option.model = written.model and of_option.written = chosen
)
update flags
set predicted_label = predicted_now,
    raw_predicted_label = nullif(predicted, predicted_now),
    corrected_label = corrected_now,
    raw_corrected_label = nullif(corrected, corrected_now),
    suggested_label = suggested_now,
    raw_suggested_label = nullif(suggested, suggested_now),
    option = option_now,
    raw_option = nullif(chosen, option_now),
    needs_label = is_ended,
    says_wrong = says_wrong_now,
    confidence_points = 15 * coalesce(
        case when says_wrong_now then told.confidence else 1 - told.confidence end, 0.5
    ),
    kind = hash(
        told.model, option_now, predicted_now,
        case when told.confidence between 0 and 1 then least(floor(told.confidence * 10), 9) end
    )
from told
where flags.position = told.position;
