-- One row per logged prediction of the session $session_id (only $prediction_id unless null), newest first.
select *
from predictions
where session_id = $session_id and ($prediction_id is null or prediction_id = $prediction_id)
order by position desc
limit $limit
