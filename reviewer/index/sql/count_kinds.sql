-- One row: the rows of the counts now, and the kinds there were when they were last packed.
select (select count(*) from flag_counts) as found, (select kinds from derived_from) as kinds
