-- One row: how many flags of the person called $names were found to mark a wrong answer, and how many were found either way.
select
    count(*) filter (where resolution = 'label_corrected') as hits,
    count(*) as reviewed
from flags
where flagger in (select unnest($names)) and not is_withdrawn and resolution in ('label_corrected', 'prediction_correct')
