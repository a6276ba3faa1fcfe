-- One row: the reviews now, and those there were when the shares of wrong answers were last found.
select (select count(*) from reviews) as found, (select reviews from derived_from) as known
