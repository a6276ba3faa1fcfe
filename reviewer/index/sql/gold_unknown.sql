-- One row per gold flag whose answer the person $me did not give and that was never handed to them.
select flag_id
from flags
where gold_by is not null
    and status = 'resolved'
    and not is_withdrawn
    and $me not in (gold_by, coalesce(reviewer, ''), coalesce(first_reviewer, ''), coalesce(second_reviewer, ''))
    and not exists (
        select 1
        from reviews
        where reviews.flag_id = flags.flag_id
            and reviews.reviewer = $me
            and reviews.event in ('gold_claim', 'gold_answer')
    )
