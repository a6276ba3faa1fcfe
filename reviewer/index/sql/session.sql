-- One row per prediction of the session $session_id (only $prediction_id unless null), newest first, with its newest flag that was not taken back.
select predictions.*, flagged.flag_id
from predictions
left join (
    select prediction_id, max(flag_id) as flag_id
    from flags
    where not is_withdrawn and session_id = $session_id
    group by prediction_id
) as flagged using (prediction_id)
where predictions.session_id = $session_id
    and ($prediction_id is null or predictions.prediction_id = $prediction_id)
order by predictions.position desc
limit $limit
