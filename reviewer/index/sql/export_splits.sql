-- One row per group of duplicates that becomes rows, with the split that all of it belongs to. A group of which an
-- example was dealt before stays there, in the most held-out of its splits when there are several. A new group takes
-- the next turn of its label, in the order of the end of its name, which is as good as random: a split takes a turn
-- when its share of the turns so far, those of more held-out splits taken off, passes another half. By time, a group's
-- place among all new ones decides.
create temp table dealt as
with known as (
    select example_id, max(list_position($splits, split)) as place from known_splits group by example_id
),
members as (
    select
        chosen.group_key,
        case when $is_classed then coalesce(min(chosen.answer), '') else '' end as stratum,
        min(flagged_at) as began_at,
        max(known.place) as known_place
    from chosen
    left join known using (example_id)
    where reason is null
    group by chosen.group_key
),
counted as (
    select stratum, count(distinct group_key) as groups from known_splits where is_dealt group by stratum
),
numbered as (
    select
        members.*,
        row_number() over sequence as number,
        number + coalesce(groups, 0) as turn,
        count(*) over (partition by case when $by_time then '' else stratum end, known_place is null) as total
    from members
    left join counted using (stratum)
    window sequence as (
        partition by case when $by_time then '' else stratum end, known_place is null
        order by case when $by_time then began_at end, reverse(members.group_key)
    )
),
taken as (
    select
        *,
        floor(turn * $verify + 0.5) as verified,
        verified > floor((turn - 1) * $verify + 0.5) as is_verified,
        turn - verified as rest,
        floor(rest * $test + 0.5) as tested,
        tested > floor((rest - 1) * $test + 0.5) as is_tested,
        rest - tested as others,
        floor(others * $validation + 0.5) > floor((others - 1) * $validation + 0.5) as is_validated
    from numbered
)
select
    group_key,
    stratum,
    list_extract(
        $splits,
        case
            when known_place is not null then known_place
            when $by_time then 1 + len(list_filter($bounds, lambda bound: (number - 1) / total >= bound))
            when is_verified then 4
            when is_tested then 3
            when is_validated then 2
            else 1
        end
    ) as split
from taken;
