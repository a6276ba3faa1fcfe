-- One row per day and flag option of the model $model (all models when null), without flags taken back.
select date_trunc('day', flagged_at) as day, option, count(*) as flags
from flags
where not is_withdrawn and ($model is null or model = $model)
group by 1, 2
order by 1, 2
