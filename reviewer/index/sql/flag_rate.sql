-- One row per day and version of the model $model (all models when null): logged predictions, and how many of them people flagged.
with marked as (
    select distinct prediction_id
    from flags
    where not is_withdrawn and source in ('manual', 'api', 'demo') and ($model is null or model = $model)
)
select
    date_trunc('day', predicted_at) as day,
    model_version as version,
    count(*) as predictions,
    count(marked.prediction_id) as flagged
from predictions
left join marked using (prediction_id)
where $model is null or model = $model
group by 1, 2
order by 1, 2
