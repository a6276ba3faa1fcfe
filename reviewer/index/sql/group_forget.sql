-- Forgets the groups of the forgotten models, whose flags wait for one again.
create or replace temp table forgotten_flags as
    select position from flags where model in (select model from forgotten);
delete from group_signatures where leader in (select position from forgotten_flags);
delete from group_leaders where leader in (select position from forgotten_flags);
delete from group_bands where leader in (select position from forgotten_flags);
delete from group_flags where position in (select position from forgotten_flags);
drop table forgotten_flags
