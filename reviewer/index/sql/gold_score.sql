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
        where answers.value = flags.resolution
            and answers.corrected_label is not distinct from coalesce(flags.raw_corrected_label, flags.corrected_label)
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
where flags.gold_by is not null and flags.status = 'resolved'
