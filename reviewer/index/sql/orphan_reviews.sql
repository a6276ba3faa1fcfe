-- One row per flag that reviews are about and that is not there.
select distinct flag_id::varchar as flag_id
from reviews
where flag_id is not null and not exists (select 1 from flags where flags.flag_id = reviews.flag_id)
