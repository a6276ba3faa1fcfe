-- One row: to how many gold flags the person called $names gave the known answer with their last word, and to how many any.
with answers as (
    select *
    from reviews
    where is_applied and event = 'gold_answer' and reviewer in (select unnest($names))
        and not exists (
            select 1
            from reviews as revert
            where revert.flag_id = reviews.flag_id
                and revert.reverts = reviews.event_id
                and revert.event = 'revert'
                and revert.is_applied
        )
    qualify row_number() over (partition by flag_id order by position desc) = 1
)
select
    count(*) filter (
        where answered_label is not distinct from known_label
            and (answered_label is not null or answers.value = flags.resolution)
            and answers.corrected_output is not distinct from flags.corrected_output
            and (
                answers.corrected_value is not distinct from flags.corrected_value
                or abs(answers.corrected_value - flags.corrected_value)
                <= 0.005 * greatest(abs(answers.corrected_value), abs(flags.corrected_value))
            )
    ) as hits,
    count(*) as answered
from answers
inner join flags using (flag_id)
left join current_names as names
    on names.part = 'label' and names.model = flags.model and names.written = answers.corrected_label
cross join lateral (
    select
        case answers.value
            when 'label_corrected' then coalesce(names.name, answers.corrected_label)
            when 'prediction_correct' then flags.predicted_label
        end as answered_label,
        case flags.resolution
            when 'label_corrected' then flags.corrected_label when 'prediction_correct' then flags.predicted_label
        end as known_label
)
where flags.gold_by is not null and flags.status = 'resolved'
