-- One row per resolution (null while open) and bin of 0.05, of the flags of the model $model (all when null).
select resolution, least(floor(confidence * 20), 19) / 20 as bin, count(*) as flags
from flags
where not is_withdrawn and confidence between 0 and 1 and ($model is null or model = $model)
group by 1, 2
order by 1, 2
