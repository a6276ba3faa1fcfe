-- One row per resolved flag of the model, with the right answer that people gave it, as text, and the
-- reason why it can be no row of its own accord. `since` is the first review that the last export did not know, 0 to
-- export all: what was decided since about any flag of an example may have changed the answer of the others.
create temp table considered as
with decided as (
    select flag_id, action_id, max(position) as decided_position, max(certainty) as certainty
    from reviews
    where is_applied and event in ('resolve', 'adjudicate')
    group by flag_id, action_id
),
moved as (
    select example_id
    from reviews
    join flags using (flag_id)
    where $since > 0 and reviews.position >= $since and is_applied
        and event in ('resolve', 'status', 'ask_second', 'second_review', 'adjudicate', 'revert')
),
confirmed as (
    select flag_id, max(position) as confirmed_position
    from reviews
    where is_applied and event = 'second_review'
    group by flag_id
),
described as (
    select
        flags.position,
        flags.flag_id,
        example_id,
        coalesce(group_id::varchar, example_id) as own_group,
        resolution,
        flagged_at,
        case when second_review = 'agreed' then confirmed_position else decided_position end as decided_position,
        certainty,
        is_withdrawn,
        list_sort(json_keys(inputs)) as names,
        case
            when resolution = 'label_corrected'
            then coalesce(corrected_label, corrected_value::varchar, corrected_output ->> '$')
            when resolution = 'prediction_correct'
            then coalesce(predicted_label, predicted_value::varchar, output ->> '$')
        end as answer
    from flags
    left join decided using (flag_id, action_id)
    left join confirmed using (flag_id)
    where model = $model and status = 'resolved'
)
select
    * exclude (names),
    case
        when is_withdrawn then 'withdrawn'
        when not list_contains($resolutions, resolution) then resolution
        when answer is null and $needs_answer then 'no_correction'
        when names <> $names then 'other_inputs'
        when len($labels) > 0 and not list_contains($labels, answer) then 'retired_label'
        when decided_position < $since and example_id not in (select example_id from moved) then 'exported_before'
    end as reason
from described;
