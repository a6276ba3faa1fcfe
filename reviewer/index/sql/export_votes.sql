-- One row per example about which more than one decision stands, with the answer that counts under the policy. A vote
-- is the last word of one reviewer on the example; one for a label that the model has no more does not count. An
-- example is adjudicated when somebody settled a disagreement about one of its flags.
create temp table crowd as
with crowded as (
    select example_id from considered where not is_withdrawn group by example_id having count(*) > 1
    union
    select example_id
    from considered
    where flag_id in (
        select flag_id
        from reviews
        where is_applied and event in ('resolve', 'second_review', 'adjudicate')
        group by flag_id
        having count(*) > 1
    )
),
undone as (
    select flag_id, reverts as event_id, max(position) as undone_at
    from reviews
    where event = 'revert' and is_applied
    group by flag_id, reverts
),
spoken as (
    select
        reviews.position,
        considered.example_id,
        coalesce(reviews.reviewer, '') as reviewer,
        reviews.event = 'adjudicate' as is_settling,
        case
            when reviews.value = 'prediction_correct'
            then coalesce(flags.predicted_label, flags.predicted_value::varchar, flags.output ->> '$')
            else coalesce(
                current_names.name, reviews.corrected_label, reviews.corrected_value::varchar, reviews.corrected_output ->> '$'
            )
        end as answer
    from reviews
    join considered using (flag_id)
    join flags using (flag_id)
    left join current_names
        on current_names.part = 'label' and current_names.model = flags.model
        and current_names.written = reviews.corrected_label
    left join undone
        on undone.flag_id = reviews.flag_id
        and undone.event_id = reviews.event_id
        and undone.undone_at > reviews.position
    where reviews.is_applied
        and reviews.event in ('resolve', 'second_review', 'adjudicate')
        and reviews.value in ('label_corrected', 'prediction_correct')
        and not considered.is_withdrawn
        and undone.undone_at is null
        and considered.example_id in (select example_id from crowded)
),
votes as (
    select *
    from spoken
    where answer is not null and (len($labels) = 0 or list_contains($labels, answer))
    qualify row_number() over (partition by example_id, reviewer order by position desc) = 1
),
tallied as (
    select
        example_id, answer, count(*) as votes, max(position) as last_position, bool_or(is_settling) as is_settled
    from votes
    group by example_id, answer
),
ranked as (
    select
        *,
        row_number() over (
            partition by example_id
            order by
                case when $policy in ('majority', 'soft') then votes else 0 end desc,
                $policy = 'adjudicated' and is_settled desc,
                last_position desc
        ) as place
    from tallied
),
standing as (
    select example_id, count(distinct answer) as answers
    from considered
    where answer is not null and not is_withdrawn and (len($labels) = 0 or list_contains($labels, answer))
    group by example_id
),
shares as (
    select
        example_id,
        sum(votes)::bigint as votes,
        max(votes) filter (where place = 1) as agreeing,
        max(answer) filter (where place = 1) as answer,
        bool_or(is_settled) as is_adjudicated,
        json_group_object(answer, round(votes / total, 6)) as distribution
    from (select *, sum(votes) over (partition by example_id) as total from ranked order by example_id, answer)
    group by example_id
)
select
    shares.example_id,
    shares.answer,
    shares.votes,
    agreeing / shares.votes as agreement,
    distribution,
    coalesce(standing.answers, 0) > 1 as is_disputed,
    is_adjudicated
from shares
left join standing using (example_id);
