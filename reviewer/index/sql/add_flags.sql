-- One row per flag that is new to the index, in log order; doubles and rows without a valid key are left out.
insert into flags by name
with typed as (
    select
        position,
        try_cast(flag_id as uuid) as flag_id,
        try_cast(prediction_id as uuid) as prediction_id,
        try_cast(replace(flagged_at, 'Z', '') as timestamp) as flagged_at,
        nullif(flagger, '') as flagger,
        nullif(session_id, '') as session_id,
        nullif(source, '') as source,
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
        option,
        nullif(severity, '') as severity,
        nullif(comment, '') as comment,
        nullif(suggested_label, '') as suggested_label,
        try_cast(nullif(tags, '') as json) as tags,
        try_cast(nullif(origin, '') as json) as origin,
        nullif(app_version, '') as app_version,
        try_cast(schema_version as integer) as schema_version
    from incoming
),
shown as (
    select
        *,
        row_number() over (partition by flag_id order by position) as copy,
        json_extract_string(inputs, '$.*') as input_texts,
        nullif(regexp_extract(inputs, '\{"media":"([^"]+)"', 1), '') as thumbnail
    from typed
    where flag_id is not null and flagged_at is not null and inputs is not null
)
select
    * exclude (copy, input_texts),
    'open' as status,
    'not_run' as verification,
    0 as comments,
    0 as seq,
    false as is_withdrawn,
    left(
        case
            when thumbnail is not null then null
            when len(input_texts) = 1 then input_texts[1]
            else array_to_string(
                list_transform(
                    list_zip(json_keys(inputs), input_texts), lambda pair: concat_ws(' ', pair[1], pair[2])
                ),
                ' · '
            )
        end,
        240
    ) as preview,
    lower(
        concat_ws(
            ' ',
            case when thumbnail is null then array_to_string(input_texts, ' ') end,
            comment, suggested_label, flagger
        )
    ) as search_text
from shown
where copy = 1 and not exists (select 1 from flags as known where known.flag_id = shown.flag_id)
order by position;
