-- One sentence per row of the predictions log whose id, time or inputs cannot be read.
insert into rejected_rows
select
    'predictions',
    'row ' || position || ' has an unreadable prediction_id, predicted_at or inputs: ' || left(prediction_id, 60)
from incoming
where try_cast(prediction_id as uuid) is null
    or try_cast(replace(predicted_at, 'Z', '') as timestamp) is null
    or try_cast(inputs as json) is null;
