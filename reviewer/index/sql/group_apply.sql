-- Writes the changes into their flags; one that was split off meanwhile stays alone.
update flags
set group_id = changes.group_id, group_size = changes.group_size
from changes
where flags.flag_id = changes.flag_id and not (flags.is_split and changes.group_id is not null)
