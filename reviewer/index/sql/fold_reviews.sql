-- The state of every flag that an event since position $first touches, folded from all its applied events. What
-- a later revert of the same flag takes back does not count. The last decision sets the status; the last verdict
-- stands unless a decision or revert came after it. The last claim, release or assignment says whose the flag is.
with history as (
    select *
    from reviews
    where is_applied
        and flag_id in (select flag_id from reviews where position >= $first and is_applied)
),
undone as (
    select flag_id, reverts as event_id, max(position) as undone_at
    from history
    where event = 'revert'
    group by flag_id, reverts
),
told as (
    select history.*, event = 'revert' or undone_at is null or undone_at < position as is_standing
    from history
    left join undone using (flag_id, event_id)
),
folded as (
    select
        flag_id,
        max(position) filter (where is_standing and event in ('resolve', 'status', 'claim', 'release')) as decided_at,
        max(position) filter (where is_standing and event in ('resolve', 'status', 'verify', 'revert')) as judged_at,
        max(position) filter (where is_standing and event in ('claim', 'release', 'assign')) as owned_at,
        count(*) filter (where is_standing and event = 'comment') as comments,
        count(*) filter (where is_standing and event = 'split') > 0 as is_split,
        count(*) filter (where event = 'revert' and reverts = flag_id) > 0 as is_withdrawn,
        max(seq) as seq
    from told
    group by flag_id
)
update flags
set status = case
        when decision.event = 'status' then decision.value
        when decision.event = 'resolve' then 'resolved'
        when decision.event = 'claim' then 'in_review'
        else 'open'
    end,
    resolution = case when decision.event = 'resolve' then decision.value end,
    corrected_label = decision.corrected_label,
    raw_corrected_label = null,
    needs_label = false,
    corrected_value = decision.corrected_value,
    corrected_output = decision.corrected_output,
    reviewer = decision.reviewer,
    reviewed_at = decision.reviewed_at,
    action_id = decision.action_id,
    verification = coalesce(verdict.value, 'not_run'),
    verified_version = verdict.model_version,
    comments = folded.comments,
    seq = folded.seq,
    is_withdrawn = folded.is_withdrawn,
    assignee = case owner.event when 'claim' then owner.reviewer when 'assign' then owner.value end,
    is_split = folded.is_split,
    group_id = case when not folded.is_split then flags.group_id end,
    group_size = case when folded.is_split then 1 else flags.group_size end
from folded
left join history as decision on decision.position = folded.decided_at
left join history as owner on owner.position = folded.owned_at
left join history as verdict on verdict.position = folded.judged_at and verdict.event = 'verify'
where flags.flag_id = folded.flag_id;
