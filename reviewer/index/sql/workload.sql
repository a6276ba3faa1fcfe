-- One row per person who reviews: flags they have claimed and that claims have not ended of, flags assigned to them that
-- they have not begun, and flags they answered.
with held as (
    select
        assignee as name,
        count(*) filter (where claimed_until > $now) as claimed,
        count(*) filter (where claimed_until is null) as assigned
    from flags
    where assignee is not null and status <> 'resolved' and not is_withdrawn
    group by assignee
),
done as (
    select reviewer as name, count(distinct flag_id) as done
    from reviews
    where is_applied and event in ('resolve', 'second_review', 'adjudicate') and reviewer is not null
    group by reviewer
)
select
    name, coalesce(claimed, 0) as claimed, coalesce(assigned, 0) as assigned, coalesce(done, 0) as done
from held
full join done using (name)
order by name
