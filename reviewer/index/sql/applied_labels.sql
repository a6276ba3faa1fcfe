-- One row per applied change of labels or options, in log order.
select * from labels where is_applied order by position
