-- One row when the groups of this very file were taken; none else.
select 1 from read_positions where stream = 'shared groups' and inode = $inode and byte_offset = $moment
