-- One row per kind and action that a person is told of, the newest first, with how many flags it touched and the newest
-- of them: what the events since $since mean now for $me, whose flags bear $names. What was undone, overtaken or the own
-- doing is left out, and a gold flag where it must not be recognised ($is_blind). Who did it is told where it betrays nothing.
with recent as (
    select position, event_id, flag_id, event, value, reviewer, reviewed_at, action_id, reverts, model_version
    from reviews
    where is_applied
        and reviewed_at >= $since
        and event in ('resolve', 'second_review', 'adjudicate', 'verify', 'comment', 'assign', 'ask_second', 'revert')
),
about as (
    select
        recent.*,
        case
            when event in ('resolve', 'second_review', 'adjudicate') and list_contains($names, flagger) and status = 'resolved'
                then 'resolved'
            when event = 'verify' and value = 'fixed' and list_contains($names, flagger) and status = 'resolved'
                and verification = 'fixed' and verified_version = recent.model_version
                then 'fixed'
            when event = 'second_review' and status = 'disagreement' then 'disagreement'
            when event = 'comment' and contains(value, '@' || $me)
                and list_contains(regexp_extract_all(value, '@([\pL\pN_]+(?:[.-][\pL\pN_]+)*)', 1), $me)
                then 'mention'
            when event = 'ask_second' and value = 'requested' and status = 'second_review'
                and first_reviewer is distinct from $me and (assignee is null or assignee = $me)
                then 'second_review'
            when event = 'assign' and value = $me and assignee = $me and claimed_until is null
                then case status when 'second_review' then 'second_review' when 'resolved' then null else 'assigned' end
        end as kind
    from recent
    inner join flags using (flag_id)
    where event <> 'revert' and not is_withdrawn and (gold_by is null or not $is_blind)
),
newest as (
    select *, row_number() over (partition by flag_id, kind order by position desc) as place
    from about
    where list_contains($kinds, kind)
        and not exists (
            select 1
            from recent as revert
            where revert.event = 'revert' and revert.reverts = about.event_id and revert.position > about.position
        )
),
counted as (
    select
        *,
        count(*) over (partition by kind, action_id) as touched,
        row_number() over (partition by kind, action_id order by position desc) as rank
    from newest
    where place = 1 and reviewer is distinct from $me
),
told as (
    select *
    from counted
    where rank = 1
    order by position desc
    limit $limit
)
select
    told.kind, told.position, told.reviewed_at as happened_at, flag_id::varchar as flag_id, touched as flags, model, preview,
    case when told.kind in ('mention', 'assigned') and status <> 'second_review' then told.reviewer end as person,
    case when told.kind = 'resolved' then resolution end as resolution,
    case when told.kind = 'resolved' then corrected_label end as corrected_label,
    case when told.kind = 'resolved' then corrected_value end as corrected_value,
    case when told.kind = 'fixed' then verified_version end as version
from told
inner join flags using (flag_id)
order by told.position desc
