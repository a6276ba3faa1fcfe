-- One row per person and day (UTC) since $since with how many flags they answered then.
select reviewer as name, strftime(reviewed_at, '%Y-%m-%d') as day, count(distinct flag_id) as flags
from reviews
where is_applied
    and event in ('resolve', 'second_review', 'adjudicate')
    and reviewer is not null
    and reviewed_at >= $since
group by name, day
order by day, name
