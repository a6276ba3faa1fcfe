-- One row per group of duplicates that shares an example with another group, beside the first of those groups.
with twins as (
    select example_id
    from considered
    where reason is null
    group by example_id
    having count(*) > 1
),
linked as (
    select own_group, min(own_group) over (partition by example_id) as first_group
    from considered
    where reason is null and example_id in (select example_id from twins)
)
select distinct own_group, first_group
from linked
where own_group <> first_group
