-- One row per flag whose reviews keep their names: it is not settled, or gold, which is handed to nobody who answered it.
select flag_id::varchar as flag_id
from flags
where (status <> 'resolved' and not is_withdrawn) or gold_by is not null
