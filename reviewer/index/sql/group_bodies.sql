-- One row per group that the buckets lead to.
select leader, body
from group_leaders
where leader in (select leader from buckets)
