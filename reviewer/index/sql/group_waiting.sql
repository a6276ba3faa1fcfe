-- One row per flag that is in no group yet, in log order: at most $count, of long inputs fewer, but one at least.
with waiting as (
    select position
    from flags
    anti join group_flags using (position)
    order by position
    limit $count
),
measured as (
    select position, model, inputs::varchar as inputs, sum(strlen(inputs::varchar)) over (order by position) as size
    from flags
    where position in (select position from waiting)
)
select position, model, inputs
from measured
where size <= $size or position = (select min(position) from waiting)
order by position
