-- One row per signature of the described flags that was not seen before, at its first flag, in log order.
select position, body, bands
from described
anti join group_signatures on group_signatures.signature = described.signature::uuid
qualify row_number() over (partition by signature order by position) = 1
order by position
