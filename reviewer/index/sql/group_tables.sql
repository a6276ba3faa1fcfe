-- What is known of groups: everything follows from the flags, and is made anew after the flags were. A group is
-- named by its leader, the position of the flag that began it. The row of read_positions says that the tables
-- belong to these flags: it goes when the flags are read anew.
create or replace table group_flags (position bigint, leader bigint);
create or replace table group_signatures (signature uuid, leader bigint);
create or replace table group_leaders (leader bigint, body varchar);
create or replace table group_bands (band uinteger, leader bigint);
create or replace table group_spreads (model varchar, basis bigint, spreads varchar);
insert into read_positions (stream, segment, inode, byte_offset, mark, row_count) values ('groups', 0, 0, 0, 0, 0);
