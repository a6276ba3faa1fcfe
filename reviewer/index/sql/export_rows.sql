-- One row per row of the export, in log order. The weight is the agreement of the reviewers, times how sure they were
-- (1 to 5, fifths; 1 when they did not say), divided by the root of how many rows the group of duplicates has.
create temp table exported as
with several as (
    select group_key, count(*) as size from chosen where reason is null group by group_key having count(*) > 1
),
kept as (
    select chosen.*, dealt.split, coalesce(several.size, 1) as size
    from chosen
    join dealt using (group_key)
    left join several using (group_key)
    where reason is null
),
weighted as (
    select
        kept.*,
        case
            when $weights = 'none' then 1.0
            else agreement * coalesce(certainty, 5) / 5 / sqrt(size)
        end as evidence
    from kept
),
classes as (
    select answer, sum(evidence) as evidence from weighted where split = 'train' group by answer
),
scaled as (
    select answer, (sum(evidence) over ()) / (count(*) over ()) / nullif(evidence, 0) as factor from classes
)
select
    position, flag_id, example_id, group_key, split, answer, votes, agreement, distribution,
    round(evidence * case when $weights = 'balanced' then coalesce(factor, 1.0) else 1.0 end, 6) as weight
from weighted
left join scaled using (answer)
order by position;
