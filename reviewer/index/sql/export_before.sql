-- One row per row of an earlier export, from its CSV files $paths, in which the right answer is the column $target.
create temp table before as
select example_id, flag_id, columns(lambda name: name = $target) as answer
from read_csv($paths, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', union_by_name = true);
