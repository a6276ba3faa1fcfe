-- The counts again with one row per kind of flag, and how many kinds there are.
create temp table packed as
    select * exclude (flags), sum(flags)::bigint as flags
    from flag_counts
    group by all
    having sum(flags) <> 0;
delete from flag_counts;
insert into flag_counts by name from packed;
update derived_from set kinds = (select count(*) from packed);
drop table packed;
