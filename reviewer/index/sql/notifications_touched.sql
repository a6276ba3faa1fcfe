-- Whether an event from position $first on may change what $me, whose flags bear $names, is told.
select exists (
    select 1
    from reviews
    inner join flags using (flag_id)
    where reviews.position >= $first
        and is_applied
        and (
            list_contains($names, flagger)
            or assignee = $me
            or value = $me
            or contains(coalesce(value, ''), '@' || $me)
            or second_review is not null
            or event in ('revert', 'gold', 'assign', 'release')
        )
) as is_touched
