-- One row per band of the fresh examples and group that it leads to.
select band, leader
from group_bands
where band in (select unnest(bands) from fresh)
order by band, leader
