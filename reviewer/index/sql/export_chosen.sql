-- One row per considered flag, with the answer that its example gets and why the flag is no row. Of an
-- example's flags the last one decided with that answer is the row; a guard is one only with its own answer.
-- Groups of duplicates that share an example have one key.
create temp table chosen as
with eligible as (
    select
        considered.* exclude (answer),
        coalesce(crowd.answer, considered.answer) as answer,
        considered.answer as own_answer,
        coalesce(crowd.votes, 1) as votes,
        coalesce(crowd.agreement, 1.0) as agreement,
        crowd.distribution,
        case
            when not $needs_answer or crowd.example_id is null then null
            when is_disputed and $policy = 'leave_out' then 'conflict'
            when is_disputed and $policy = 'adjudicated' and not is_adjudicated then 'not_adjudicated'
            when crowd.agreement < $min_agreement then 'low_agreement'
        end as crowd_reason
    from considered
    left join crowd using (example_id)
),
twins as (
    select example_id
    from eligible
    where reason is null
    group by example_id
    having count(*) > 1
),
placed as (
    select
        position,
        row_number() over (
            partition by example_id
            order by (own_answer is not distinct from answer) desc, decided_position desc, position desc
        ) as place
    from eligible
    where reason is null and example_id in (select example_id from twins)
)
select
    eligible.* exclude (reason, crowd_reason, own_answer, own_group, decided_position, resolution, is_withdrawn),
    coalesce(joined_groups.group_key, own_group) as group_key,
    coalesce(
        reason,
        crowd_reason,
        case
            when (place > 1 or $is_guard) and own_answer is distinct from answer then 'outvoted'
            when place > 1 then 'double'
        end
    ) as reason
from eligible
left join placed using (position)
left join joined_groups using (own_group);
