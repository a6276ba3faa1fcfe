-- One row per applied event that decides the state of the flags touched since position $first: the new events,
-- and the whole history of flags with a new revert; events taken back are left out.
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
    select distinct reverts as event_id from relevant where event = 'revert'
)
select relevant.* from relevant anti join undone using (event_id);
