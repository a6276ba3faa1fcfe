-- One row per flag that is new to the index, in log order; doubles and rows without a valid key are left out.
-- In preview and search_text a picture is nothing, a recording the start of its hash, another file its name, a list
-- or table its cells. The patterns find no text that looks like one, since a quote inside a JSON text has a
-- backslash before it. The points are the part of a flag's priority that never changes: orders that read plain columns
-- take half the time.
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
        contains(inputs, '{"media":"') as has_media,
        case
            when has_media
            then nullif(regexp_extract(inputs, '\{"media":"([^"]*\.(?:png|jpg|webp|gif))"', 1), '')
        end as thumbnail,
        case
            when has_media
            then regexp_replace(
                regexp_replace(
                    regexp_replace(
                        inputs, '\{"media":"[^"]*","name":("(?:[^"\\]|\\.)*")\}', '\1', 'g'
                    ),
                    '\{"media":"([^"]{8})[^"]*(\.(?:wav|mp3|flac|ogg))"\}', '"♪ \1\2"', 'g'
                ),
                '\{"media":"[^"]*"\}', 'null', 'g'
            )
            else inputs
        end as words,
        json_extract_string(words, '$.*') as values,
        case when regexp_matches(words, '":[\[{]') then json_type(words, '$.*') end as kinds,
        case
            when kinds is null then values
            else list_transform(
                list_zip(values, kinds),
                lambda pair: case pair[2]
                    when 'ARRAY' then array_to_string(json_extract_string(pair[1], '$[*]'), ', ')
                    when 'OBJECT'
                    then coalesce(
                        nullif(array_to_string(json_extract_string(pair[1], '$.rows[*][*]'), ' '), ''), pair[1]
                    )
                    else pair[1]
                end
            )
        end as texts
    from typed
    where position in (select position from fresh)
)
select
    * exclude (has_media, words, values, kinds, texts),
    'open' as status,
    'not_run' as verification,
    0 as comments,
    0 as seq,
    false as is_withdrawn,
    false as is_split,
    false as needs_label,
    1 as group_size,
    hash(
        model, option, predicted_label, case when confidence between 0 and 1 then least(floor(confidence * 10), 9) end
    ) as kind,
    option in ('wrong_label', 'wrong_value', 'overconfident', 'hallucination')
        or coalesce(suggested_label <> predicted_label, false) as says_wrong,
    case severity when 'high' then 35 when 'medium' then 21 when 'low' then 7 else 14 end as severity_points,
    15 * coalesce(case when says_wrong then confidence else 1 - confidence end, 0.5) as confidence_points,
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
