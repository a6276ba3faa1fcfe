-- One row per corrected value of the model $model (all when null), the newest 5,000 decisions.
select predicted_value, corrected_value
from flags
where not is_withdrawn and predicted_value is not null and corrected_value is not null
    and ($model is null or model = $model)
order by reviewed_at desc, flag_id
limit 5000
