-- One row when the file $media stands in a prediction made for $name, or in a flag of $name; else none.
select true as is_own
from (
    select inputs, output from predictions where username = $name
    union all
    select inputs, output from flags where flagger = $name
)
where contains(cast(inputs as varchar), $media) or contains(cast(output as varchar), $media)
limit 1
