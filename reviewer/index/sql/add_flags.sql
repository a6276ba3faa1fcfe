-- One row per flag that is new to the index, in log order; doubles and rows without a valid key are left out.
-- Pictures are no part of preview and search_text. The pattern finds no text that looks like one, since a
-- quote inside a JSON text has a backslash before it.
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
fresh as (
    select min(position) as position
    from typed
    where flag_id is not null and flagged_at is not null and inputs is not null
        and not exists (select 1 from flags as known where known.flag_id = typed.flag_id)
    group by flag_id
),
described as (
    select
        *,
        nullif(split_part(split_part(inputs, '{"media":"', 2), '"', 1), '') as thumbnail,
        case
            when thumbnail is null then inputs
            else regexp_replace(inputs, '\{"media":"[^"]*"\}', 'null', 'g')
        end as words,
        json_extract_string(words, '$.*') as texts
    from typed
    where position in (select position from fresh)
)
select
    * exclude (words, texts),
    'open' as status,
    'not_run' as verification,
    0 as comments,
    0 as seq,
    false as is_withdrawn,
    left(
        case list_count(texts)
            when 0 then null
            when 1 then array_to_string(texts, '')
            else array_to_string(
                list_transform(
                    list_zip(json_keys(words), texts), lambda pair: pair[1] || ' ' || pair[2]
                ),
                ' · '
            )
        end,
        240
    ) as preview,
    lower(concat_ws(' ', array_to_string(texts, ' '), comment, suggested_label, flagger)) as search_text
from described
order by position;
