-- One row per flag of the model $model (of all when null) whose second answer stands, in log order: who gave which
-- answer, as a text (a label by its name of today, a resolution without a right answer in brackets) and, where it is one,
-- as a number.
with answers as (
    select
        *,
        row_number() over (partition by flag_id, event order by position desc) as newest
    from reviews
    where is_applied
        and event in ('resolve', 'second_review')
        and flag_id in (select flag_id from flags where second_review in ('agreed', 'disagreed', 'adjudicated'))
        and not exists (
            select 1
            from reviews as revert
            where revert.flag_id = reviews.flag_id
                and revert.reverts = reviews.event_id
                and revert.position > reviews.position
                and revert.event = 'revert'
                and revert.is_applied
        )
),
told as (
    select
        flags.position,
        flags.flag_id,
        flags.model,
        answers.event,
        coalesce(answers.reviewer, '') as reviewer,
        answers.reviewed_at,
        case answers.value
            when 'label_corrected'
            then coalesce(
                names.name, answers.corrected_label, answers.corrected_value::varchar, answers.corrected_output ->> '$'
            )
            when 'prediction_correct'
            then coalesce(
                flags.predicted_label, flags.predicted_value::varchar, flags.output ->> '$')
            else '(' || answers.value || ')'
        end as answer,
        case answers.value
            when 'label_corrected' then answers.corrected_value
            when 'prediction_correct' then flags.predicted_value
        end as number
    from answers
    inner join flags using (flag_id)
    left join current_names as names
        on names.part = 'label' and names.model = flags.model and names.written = answers.corrected_label
    where newest = 1 and not flags.is_withdrawn and ($model is null or flags.model = $model)
)
select
    first.flag_id::varchar as flag_id, first.model, first.reviewer as first_reviewer, first.answer as first_answer,
    first.number as first_number, second.reviewer as second_reviewer, second.answer as second_answer,
    second.number as second_number, strftime(date_trunc('week', second.reviewed_at), '%Y-%m-%d') as week
from told as first
inner join told as second using (flag_id)
where first.event = 'resolve' and second.event = 'second_review'
order by first.position
