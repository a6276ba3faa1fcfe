-- One row per flag that is new or that an event touched, the newest first.
select position, -position as sort_key
from flags
where position >= $flags
union
select position, -position as sort_key
from flags
where flag_id in (select flag_id from reviews where position >= $reviews and is_applied)
order by position desc
limit $limit
