-- Who is named in a standing comment of a flag that an event since position $first touches, or of one of $again, and has
-- done nothing about it after that comment.
with told as (
    select *
    from reviews
    where is_applied
        and event <> 'renew'
        and flag_id in (
            select flag_id from reviews where position >= $first and is_applied
            union all
            select unnest($again::uuid[])
        )
),
standing as (
    select *
    from told
    where event = 'revert'
        or not exists (
            select 1
            from told as revert
            where revert.flag_id = told.flag_id
                and revert.reverts = told.event_id
                and revert.position > told.position
                and revert.event = 'revert'
        )
),
named as (
    select
        flag_id, position,
        unnest(regexp_extract_all(value, '@([\pL\pN_]+(?:[.-][\pL\pN_]+)*)', 1)) as name
    from standing
    where event = 'comment' and contains(value, '@')
),
mentioned as (
    select flag_id, list(distinct name order by name) as mentions
    from named
    where not exists (
        select 1
        from standing
        where standing.flag_id = named.flag_id
            and standing.reviewer = named.name
            and standing.position > named.position
    )
    group by flag_id
)
update flags
set mentions = mentioned.mentions
from mentioned
where flags.flag_id = mentioned.flag_id;
