-- The state of every flag that an event since position $first touches, and of $again, folded from all its applied
-- events. What a later revert of the same flag takes back does not count. The last answer or status sets the status, or a claim or
-- release after it; the last verdict stands unless a decision or revert came after it. The last claim, release or
-- assignment says whose the flag is. An answer that a second review was asked for is provisional: until somebody else
-- has answered, the state holds none of it; two that differ wait for the one that settles them. Labels differ when they
-- mean something else by the names of today.
with history as (
    select *
    from reviews
    where is_applied
        and flag_id in (
            select flag_id from reviews where position >= $first and is_applied
            union all
            select unnest($again::uuid[])
        )
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
        max(position) filter (where is_standing and event in ('resolve', 'status')) as answered_at,
        max(position) filter (where is_standing and event = 'second_review') as second_at,
        max(position) filter (where is_standing and event = 'adjudicate') as settled_at,
        max(position) filter (where is_standing and event in ('claim', 'release')) as held_at,
        max(position) filter (
            where is_standing and event in ('resolve', 'status', 'ask_second', 'adjudicate', 'verify', 'revert')
        ) as judged_at,
        max(position) filter (where is_standing and event in ('claim', 'release', 'assign')) as owned_at,
        max(position) filter (where is_standing and event = 'gold') as gold_at,
        max(position) filter (where is_standing and event = 'renew') as renewed_at,
        list(reverts) filter (where is_standing and event = 'ask_second') as asked,
        count(*) filter (where is_standing and event = 'comment') as comments,
        count(*) filter (where is_standing and event = 'split') > 0 as is_split,
        count(*) filter (where event = 'revert' and reverts = flag_id) > 0 as is_withdrawn,
        max(seq) as seq
    from told
    group by flag_id
),
answered as (
    select
        folded.*,
        first.event = 'resolve' and coalesce(list_contains(asked, first.action_id), false) as is_asked,
        first.reviewer as first_reviewer,
        first.value as first_value,
        first.corrected_label as first_label,
        first.corrected_value as first_number,
        first.corrected_output as first_output
    from folded
    left join history as first on first.position = answered_at
),
labelled as (
    select
        answered.*,
        flags.model,
        coalesce(flags.raw_predicted_label, flags.predicted_label) as predicted,
        case first_value when 'label_corrected' then first_label when 'prediction_correct' then predicted end as first_said
    from answered
    join flags using (flag_id)
),
labels_now as (select model, written, name from current_names where part = 'label'),
compared as (
    select
        labelled.* exclude (second_at, settled_at, owned_at, first_reviewer),
        coalesce(of_first.name, first_said) as first_means,
        case second.value
            when 'label_corrected' then coalesce(of_corrected.name, second.corrected_label)
            when 'prediction_correct' then coalesce(of_predicted.name, predicted)
        end as second_means,
        case when is_asked then first_reviewer end as first_reviewer,
        second.reviewer as second_reviewer,
        second.position as second_at,
        case when settled_at > second.position then settled_at end as settled_at,
        case when not is_asked or owned_at > greatest(answered_at, second.position) then owned_at end as owned_at,
        first_means is not distinct from second_means
        and (first_means is not null or second.value is not distinct from first_value)
        and second.corrected_output is not distinct from first_output
        and (
            second.corrected_value is not distinct from first_number
            or abs(second.corrected_value - first_number)
            <= 0.005 * greatest(abs(second.corrected_value), abs(first_number))
        ) as is_agreed
    from labelled
    left join history as second
        on second.position = second_at and is_asked and second_at > answered_at
    left join labels_now as of_first on of_first.model = labelled.model and of_first.written = first_said
    left join labels_now as of_predicted on of_predicted.model = labelled.model and of_predicted.written = predicted
    left join labels_now as of_corrected
        on of_corrected.model = labelled.model and of_corrected.written = second.corrected_label
),
staged as (
    select
        *,
        case
            when not coalesce(is_asked, false) then null
            when second_at is null then 'waiting'
            when settled_at is not null then 'adjudicated'
            when is_agreed then 'agreed'
            else 'disagreed'
        end as stage,
        case
            when stage is null then greatest(answered_at, held_at)
            when stage = 'agreed' then answered_at
            when stage = 'adjudicated' then settled_at
        end as decided_at
    from compared
)
update flags
set status = case
        when stage = 'waiting' then 'second_review'
        when stage = 'disagreed' then 'disagreement'
        when decision.event = 'status' then decision.value
        when decision.event in ('resolve', 'adjudicate') then 'resolved'
        when decision.event = 'claim' then 'in_review'
        else 'open'
    end,
    resolution = case when decision.event in ('resolve', 'adjudicate') then decision.value end,
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
    comments = staged.comments,
    seq = staged.seq,
    is_withdrawn = staged.is_withdrawn,
    assignee = case owner.event when 'claim' then owner.reviewer when 'assign' then owner.value end,
    claimed_until = case
        when owner.event = 'claim'
        then try_cast(replace(coalesce(renewal.value, owner.value), 'Z', '') as timestamp)
    end,
    second_review = stage,
    first_reviewer = staged.first_reviewer,
    second_reviewer = staged.second_reviewer,
    gold_by = case when gold.position is not null then coalesce(gold.reviewer, '') end,
    mentions = null,
    is_split = staged.is_split,
    group_id = case when not staged.is_split then flags.group_id end,
    group_size = case when staged.is_split then 1 else flags.group_size end
from staged
left join history as gold on gold.position = gold_at
left join history as decision on decision.position = staged.decided_at
left join history as owner on owner.position = staged.owned_at
left join history as renewal
    on renewal.position = renewed_at
    and renewed_at > staged.owned_at
    and renewal.reviewer is not distinct from owner.reviewer
left join history as verdict on verdict.position = staged.judged_at and verdict.event = 'verify'
where flags.flag_id = staged.flag_id;
