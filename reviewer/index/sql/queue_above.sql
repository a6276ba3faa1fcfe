-- The flag with which the open queue became longer than $size, counted from the oldest; no row while it is not longer.
select position, flagged_at as happened_at
from flags
where not is_withdrawn and status in ('open', 'needs_info')
order by position
limit 1 offset $size
