-- One row per example that an export has, answers otherwise or has no more than the one before, with what is told of it.
select 'added' as change, flag_id::varchar as flag_id, answer as told
from exported
where example_id not in (select example_id from before)
union all
select 'answered otherwise', exported.flag_id::varchar, concat(before.answer, ' → ', exported.answer)
from exported
join before using (example_id)
where exported.answer is distinct from before.answer
union all
select 'not in this export', flag_id, answer
from before
where example_id not in (select example_id from exported)
