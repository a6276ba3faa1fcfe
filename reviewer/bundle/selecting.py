"""Which flags of a model become rows, of which split, with which answer and weight: tables beside the index.

The rule: everything is worked out in DuckDB from one snapshot of the index, in tables that end with the
transaction, so that a million flags cost seconds and nothing is left behind. Every flag that was considered
is either a row of `exported` or has a `reason` in `chosen`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewer.bundle.columns import fits_kind, list_media, list_structured, list_texts
from reviewer.bundle.options import RESOLUTIONS, ExportOptions
from reviewer.bundle.personal import Checked, build_candidate, build_name_pattern, check_text, check_values
from reviewer.config import ModelSpec
from reviewer.errors import LogError, UnknownNameError
from reviewer.folders import sync_folder
from reviewer.index.sql import load_sql
from reviewer.log.media import MediaStore
from reviewer.records import Progress

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SPLITS_CSV = "splits.csv"
"""Beside a model's bundles: the split of every example that was ever exported, for good."""

_PART = 122_880
"""Flags of the log whose texts are looked at at once: a row group of DuckDB."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an export is made from."""

    cursor: DuckDBPyConnection
    """A connection to the index, of the caller's own."""
    folder: Path
    """The workspace."""
    spec: ModelSpec
    media: MediaStore
    base_splits: Mapping[str, str]
    """Example id → split, of the base's rows whose split is honoured."""
    parent_head: int = 0
    """How many review events the last export knew."""

    @property
    def parent(self) -> Path:
        """The folder of the model's bundles."""
        return self.folder / "exports" / self.spec.name


@contextlib.contextmanager
def selecting(source: Source, options: ExportOptions, progress: Progress) -> Iterator[None]:
    """Make the tables of the selection and take them away at the end."""
    source.cursor.execute("begin")
    try:
        progress(0.0, "Choosing the flags")
        _consider(source, options)
        progress(0.1, "Looking at texts and files")
        _find_other_kinds(source)
        _find_missing_media(source)
        _find_personal(source, options)
        progress(0.2, "Settling what reviewers answered")
        _choose(source, options)
        progress(0.3, "Dealing the splits")
        _deal(source, options)
        yield
    finally:
        source.cursor.execute("rollback")


def _run(source: Source, name: str, **values: Any) -> None:
    source.cursor.execute(load_sql(name), values)


def _consider(source: Source, options: ExportOptions) -> None:
    _run(
        source,
        "export_considered",
        model=source.spec.name,
        resolutions=sorted(options.resolutions),
        needs_answer=options.mode != "rejects",
        names=sorted(source.spec.inputs),
        labels=_list_labels(source.spec, options),
        since=source.parent_head if options.mode == "delta" else 0,
    )


def _list_labels(spec: ModelSpec, options: ExportOptions) -> list[str]:
    """Return the labels that count, none when any does."""
    return list(spec.labels) if spec.task.is_classification and options.mode != "rejects" else []


def _find_other_kinds(source: Source) -> None:
    """Leave out the flags that hold a value of another kind than its input takes today."""
    fitting = " and ".join(fits_kind(name, each) for name, each in source.spec.inputs.items())
    source.cursor.execute(
        "update considered set reason = 'other_inputs' from flags where reason is null"  # noqa: S608  own texts
        f" and flags.position = considered.position and not ({fitting})"
    )


def _find_missing_media(source: Source) -> None:
    """Leave out the flags that name a file which is not stored any more."""
    for name in list_media(source.spec):
        stored = f"inputs ->> '$.{name}'"
        rows = source.cursor.execute(
            f"select distinct {stored[:-1]}.media', {stored} from considered join flags using (position)"  # noqa: S608
            " where reason is null"
        ).fetchall()
        lost = [value for file, value in rows if value is not None and not _is_stored(source.media, file)]
        source.cursor.execute(
            "update considered set reason = 'missing_media' from flags where reason is null"  # noqa: S608
            f" and flags.position = considered.position and {stored} in (select unnest($lost::varchar[]))",
            {"lost": lost},
        )


def _is_stored(media: MediaStore, name: str | None) -> bool:
    try:
        return name is not None and bool(media.find(name))
    except UnknownNameError:
        return False


# Personal data


def _find_personal(source: Source, options: ExportOptions) -> None:
    """Make the table `personal`: a row per text that holds personal data, as it is without it."""
    source.cursor.execute(
        "create temp table personal"
        " (position bigint, column_name varchar, text varchar, kinds varchar[], redacted varchar)"
    )
    people = _list_people(source)
    names, pattern = build_name_pattern(people), build_candidate(people)
    structured = list_structured(source.spec)
    for name, read in list_texts(source.spec).items():
        check = check_values if name in structured else check_text
        for part in _list_candidates(source, read, pattern):
            found = [(position, text, check(text, names)) for position, text in part]
            _insert_personal(source, name, [each for each in found if each[2].kinds])
    if options.personal == "drop":
        source.cursor.execute(
            "update considered set reason = 'personal'"
            " where reason is null and position in (select position from personal)"
        )


def _list_people(source: Source) -> list[str]:
    rows = source.cursor.execute(
        "select distinct flagger from flags where flagger is not null"
        " union select distinct reviewer from reviews where reviewer is not null"
    ).fetchall()
    return [str(name) for (name,) in rows]


def _list_candidates(source: Source, read: str, pattern: str) -> Iterator[list[tuple[int, str]]]:
    """Yield the texts that may hold personal data, part by part: all of them may be too many to hold."""
    statement = (
        f"select position, {read} as text from considered join flags using (position)"  # noqa: S608  constant texts
        " where reason is null and position >= $first and position < $end"
        f" and regexp_matches({read}, $pattern)"
    )
    ((end,),) = source.cursor.execute("select coalesce(max(position), -1) + 1 from considered").fetchall()
    for first in range(0, end, _PART):
        values = {"first": first, "end": first + _PART, "pattern": pattern}
        yield source.cursor.execute(statement, values).fetchall()


def _insert_personal(source: Source, name: str, found: Sequence[tuple[int, str, Checked]]) -> None:
    _insert(
        source,
        "personal",
        position=[position for position, _, _ in found],
        column_name=[name] * len(found),
        text=[text for _, text, _ in found],
        kinds=[list(each.kinds) for _, _, each in found],
        redacted=[each.redacted for _, _, each in found],
    )


# Answers, splits, weights


def _choose(source: Source, options: ExportOptions) -> None:
    _run(source, "export_votes", policy=options.policy, labels=_list_labels(source.spec, options))
    _join_groups(source)
    _run(
        source,
        "export_chosen",
        needs_answer=options.mode != "rejects",
        is_guard=options.mode == "guard",
        policy=options.policy,
        min_agreement=options.min_agreement,
    )


def _join_groups(source: Source) -> None:
    """Make the table of groups of duplicates that are one because they share an example."""
    source.cursor.execute("create temp table joined_groups (own_group varchar, group_key varchar)")
    firsts: dict[str, str] = {}
    for pair in source.cursor.execute(load_sql("export_links")).fetchall():
        first, other = sorted(_find_first(firsts, each) for each in pair)
        firsts[other] = first
    firsts = {each: _find_first(firsts, each) for each in firsts}
    _insert(source, "joined_groups", own_group=list(firsts), group_key=list(firsts.values()))


def _find_first(firsts: dict[str, str], group: str) -> str:
    """Return the first of all groups that are one with this one, and shorten the way there."""
    while (first := firsts.get(group, group)) != group:
        firsts[group] = firsts.get(first, first)
        group = first
    return group


def _insert(source: Source, table: str, **columns: Sequence[Any]) -> None:
    import pyarrow as pa

    if not next(iter(columns.values())):
        return
    arrays = {name: pa.array(values) for name, values in columns.items()}
    source.cursor.register("inserted", pa.table(arrays))
    source.cursor.execute(f"insert into {table} by name select * from inserted")  # noqa: S608  our own name
    source.cursor.unregister("inserted")


def _deal(source: Source, options: ExportOptions) -> None:
    _read_known_splits(source, options)
    _run(
        source,
        "export_splits",
        splits=options.splits,
        bounds=options.bounds,
        by_time=options.split_by == "time",
        is_classed=source.spec.task.is_classification,
        **options.ratios,
    )
    _run(source, "export_leaks")
    _run(source, "export_rows", weights=options.weights)


def _read_known_splits(source: Source, options: ExportOptions) -> None:
    """Make the table of what was dealt before, and of the base's examples whose split is honoured."""
    source.cursor.execute(
        "create temp table known_splits"
        " (example_id varchar, group_key varchar, stratum varchar, split varchar, is_dealt boolean)"
    )
    if options.mode in RESOLUTIONS:
        return
    if (source.parent / SPLITS_CSV).is_file():
        _read_dealt(source, source.parent / SPLITS_CSV)
    if source.base_splits:
        _insert_base_splits(source)


def _read_dealt(source: Source, path: Path) -> None:
    import duckdb

    try:
        source.cursor.execute(
            "insert into known_splits select example_id, group_key, coalesce(stratum, ''), split, true"
            " from read_csv($path, header = true, all_varchar = true, delim = ',', quote = '\"',"
            " escape = '\"')",
            {"path": str(path)},
        )
    except duckdb.Error as error:
        raise LogError(
            f"{path} is damaged ({str(error).splitlines()[0]}); it says in which split each exported example"
            " is, so put back a copy of it, or remove it and let the examples be dealt anew."
        ) from error


def _insert_base_splits(source: Source) -> None:
    source.cursor.execute("create temp table base_splits (example_id varchar, split varchar)")
    splits = source.base_splits
    _insert(source, "base_splits", example_id=list(splits), split=list(splits.values()))
    source.cursor.execute(
        "insert into known_splits select example_id, example_id, null, split, false from base_splits"
        " where example_id in (select example_id from chosen)"
        # What was dealt counts: no base row is trained on whose example is held out.
        " and (split = 'test' or example_id not in (select example_id from known_splits))"
    )


def keep_splits(source: Source) -> None:
    """Write down for good in which splits the selection's new examples are."""
    source.cursor.execute(
        "create temp table fresh as select distinct example_id, group_key, stratum, exported.split"
        " from exported join dealt using (group_key)"
        " where example_id not in (select example_id from known_splits where is_dealt)"
    )
    path = source.parent / SPLITS_CSV
    if not source.cursor.execute("select count(*) from fresh").fetchall()[0][0]:
        return
    aside = path.with_suffix(".new")
    try:
        source.cursor.execute(
            "copy (select * exclude (is_dealt) from known_splits where is_dealt"  # noqa: S608  our own path
            f" union all select * from (from fresh order by example_id)) to '{quote_path(aside)}' (header)"
        )
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def quote_path(path: Path) -> str:
    """Return a path inside an SQL text: COPY takes no parameter for it."""
    return str(path).replace("'", "''")


def quote_text(text: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
