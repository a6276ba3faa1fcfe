-- One row per applied event that decides the state of the flags touched since position $first: the new events,
-- and the whole history of flags with a new revert. Events that a later revert of their flag takes back are
-- left out; a revert itself stays.
create or replace temp table live_events as
with arrived as (
    select * from reviews where position >= $first and is_applied
),
refolded as (
    select distinct flag_id from arrived where event = 'revert'
),
relevant as (
    select reviews.*, true as is_refolded
    from reviews semi join refolded using (flag_id)
    where is_applied
    union all
    select arrived.*, false as is_refolded
    from arrived anti join refolded using (flag_id)
),
undone as (
    select flag_id, reverts as event_id, max(position) as undone_at
    from relevant
    where event = 'revert'
    group by flag_id, reverts
),
numbered as (
    select *, max(seq) over (partition by flag_id) as last_seq from relevant
)
select numbered.*
from numbered
left join undone using (flag_id, event_id)
where event = 'revert' or undone_at is null or undone_at < position;
