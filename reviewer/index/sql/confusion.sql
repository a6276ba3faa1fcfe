-- One row per predicted and right label of the reviewed flags of the model $model (all models when null).
select
    predicted_label,
    case when resolution = 'label_corrected' then corrected_label else predicted_label end as corrected_label,
    count(*) as flags
from flags
where not is_withdrawn
    and resolution in ('label_corrected', 'prediction_correct')
    and predicted_label is not null
    and (resolution = 'prediction_correct' or corrected_label is not null)
    and ($model is null or model = $model)
group by 1, 2
order by 1, 2
