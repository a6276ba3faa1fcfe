-- Keeps where the described flags were placed; the placed examples are the fresh ones among them.
insert into group_signatures
    select signature::uuid, leader
    from placed
    join described using (position);
insert into group_leaders
    select leader, body
    from placed
    join described using (position)
    where leader = position;
insert into group_bands
    select unnest(bands), leader
    from placed;
insert into group_flags
    select position, leader
    from described
    join group_signatures on group_signatures.signature = described.signature::uuid;
