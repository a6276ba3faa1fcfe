-- Notes from which file the groups are.
insert into read_positions (stream, segment, inode, byte_offset, mark, row_count)
values ('shared groups', 0, $inode, $moment, 0, 0)
