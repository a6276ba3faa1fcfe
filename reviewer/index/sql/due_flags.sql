-- One row per flag that nobody has touched since the time of its kind: $answered_flag, $closed_flag or $open_flag, null
-- for never. One that was ever given an answer to train on or to guard is answered, also when that was taken back.
with touched as (
    select
        flag_id,
        max(reviewed_at) as touched_at,
        count(*) filter (
            where event in ('resolve', 'second_review', 'adjudicate')
                and value in ('label_corrected', 'prediction_correct')
        ) > 0 as was_answered
    from reviews
    where event <> 'verify'
    group by flag_id
)
select flags.flag_id::varchar as flag_id
from flags
left join touched using (flag_id)
where greatest(flagged_at, coalesce(touched_at, flagged_at)) < case
        when gold_by is not null or coalesce(was_answered, false) then cast($answered_flag as timestamp)
        when is_withdrawn or status = 'resolved' then cast($closed_flag as timestamp)
        else cast($open_flag as timestamp)
    end
