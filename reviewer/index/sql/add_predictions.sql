-- One row per prediction that is new to the index, in log order; doubles and rows without a valid key are left out.
insert into predictions by name
with typed as (
    select
        position,
        try_cast(prediction_id as uuid) as prediction_id,
        try_cast(replace(predicted_at, 'Z', '') as timestamp) as predicted_at,
        model,
        model_version,
        task,
        example_id,
        try_cast(inputs as json) as inputs,
        nullif(predicted_label, '') as predicted_label,
        try_cast(confidence as double) as confidence,
        try_cast(nullif(scores, '') as json) as scores,
        try_cast(predicted_value as double) as predicted_value,
        try_cast(nullif(output, '') as json) as output,
        try_cast(latency_ms as double) as latency_ms,
        nullif(error, '') as error,
        nullif(session_id, '') as session_id,
        nullif(username, '') as username,
        nullif(source, '') as source
    from incoming
),
fresh as (
    select min(position) as position
    from typed
    where prediction_id is not null and predicted_at is not null and inputs is not null
        and not exists (
            select 1 from predictions as known where known.prediction_id = typed.prediction_id
        )
    group by prediction_id
)
select *
from typed
where position in (select position from fresh)
order by position;
