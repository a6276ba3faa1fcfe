-- One row per reviewed flag of the model $model behind position $after, in log order, taken back ones left out,
-- with what a later version must answer: the correction ($trainable), or of a guard ($guard) its prediction.
with page as (
    select
        *,
        case
            when resolution in $guard then 'guard'
            when resolution in $trainable then 'correction'
            else ''
        end as role
    from flags
    where position > $after and model = $model and status = 'resolved' and not is_withdrawn
    order by position
    limit $limit
)
select
    position::varchar, flag_id::varchar, inputs::varchar, role, verification, model_version,
    coalesce(preview, ''),
    case role when 'guard' then predicted_label when 'correction' then corrected_label end,
    case role when 'guard' then predicted_value when 'correction' then corrected_value end,
    case role when 'guard' then output when 'correction' then corrected_output end::varchar,
    predicted_label, predicted_value, output::varchar
from page
order by page.position
