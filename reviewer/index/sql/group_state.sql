-- One row: how many flags there are and how many have their group, and up to where the reviews are read.
select
    (select count(*) from flags) as flags,
    (select count(*) from group_flags) as placed,
    (select row_count from read_positions where stream = 'reviews') as reviews
