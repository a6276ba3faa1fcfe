-- One row per flag that is new, that an event touched or that is named as $regrouped, the newest first.
select position, -position as sort_key
from flags
where position >= $flags
union
select position, -position as sort_key
from flags
where flag_id in (select flag_id from reviews where position >= $reviews and is_applied)
union
select position, -position as sort_key
from flags
where flag_id in (select unnest($regrouped::uuid[]))
order by position desc
limit $limit
