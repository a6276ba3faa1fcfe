-- One row per review event and entry of the audit log that fits, the newest first; none is left out but by the filters.
select *
from (
    select
        event_id::varchar as entry_id, reviewed_at as noted_at, coalesce(reviewer, '') as person, event as action,
        flag_id::varchar as subject, coalesce(corrected_label, value, '') as details, '' as address, '' as agent
    from reviews
    union all
    select entry_id, try_cast(replace(noted_at, 'Z', '') as timestamp), person, action, subject, details, address, agent
    from audit_rows
)
where noted_at is not null
    and ($person is null or person = $person)
    and ($action is null or action = $action)
    and ($subject is null or subject = $subject)
    and ($since is null or noted_at >= cast($since as timestamp))
    and ($until is null or noted_at < cast($until as timestamp))
    and (
        $after_at is null
        or noted_at < cast($after_at as timestamp)
        or (noted_at = cast($after_at as timestamp) and entry_id < $after_id)
    )
order by noted_at desc, entry_id desc
limit $limit
