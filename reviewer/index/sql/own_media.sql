-- One row when the file $media stands in a prediction made for one of $names, or in a flag of one; else none.
select true as is_own
from (
    select inputs, output from predictions where username in (select unnest($names))
    union all
    select inputs, output from flags where flagger in (select unnest($names))
)
where contains(cast(inputs as varchar), $media) or contains(cast(output as varchar), $media)
limit 1
