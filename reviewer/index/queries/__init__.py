"""The queries the program itself asks of the index.

The rule: a statement is put together from the constant texts in this package and in `sql/`; values reach it
as `$name` parameters only.
"""

from reviewer.index.queries.choosing import ChosenFlags, Preview, find_targets, preview_flags
from reviewer.index.queries.counts import FacetCounts, count_facets, count_flags
from reviewer.index.queries.pages import MOST_NEWS, SORTS, Marker, Page, read_marker, read_news, read_page
from reviewer.index.queries.records import (
    count_rows,
    find_acted,
    find_action,
    find_flag,
    find_flagged,
    find_flags,
    find_histories,
    find_history,
    find_known,
    find_light_flags,
    find_newest_decisions,
    find_prediction,
    find_reverted,
    find_ruled,
    find_same_example,
    find_session,
    find_slice,
    find_twin,
    list_acted,
    list_labels,
    list_people,
    list_rejected,
    read_frame,
)
from reviewer.index.queries.slices import FACETS, VIEWS, Slice, check_slice

__all__ = [
    "FACETS",
    "MOST_NEWS",
    "SORTS",
    "VIEWS",
    "ChosenFlags",
    "FacetCounts",
    "Marker",
    "Page",
    "Preview",
    "Slice",
    "check_slice",
    "count_facets",
    "count_flags",
    "count_rows",
    "find_acted",
    "find_action",
    "find_flag",
    "find_flagged",
    "find_flags",
    "find_histories",
    "find_history",
    "find_known",
    "find_light_flags",
    "find_newest_decisions",
    "find_prediction",
    "find_reverted",
    "find_ruled",
    "find_same_example",
    "find_session",
    "find_slice",
    "find_targets",
    "find_twin",
    "list_acted",
    "list_labels",
    "list_people",
    "list_rejected",
    "preview_flags",
    "read_frame",
    "read_marker",
    "read_news",
    "read_page",
]
