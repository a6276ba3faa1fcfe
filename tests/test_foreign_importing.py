"""Whole flag folders of every version into a workspace: nothing lost, nothing made up, nothing twice."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gradio_folders import (
    COLUMNS,
    DETAILS,
    ERAS,
    GROUP,
    HEADER,
    ROWS,
    SCORES,
    START,
    TEXTS,
    draw,
    format_rows,
    import_folder,
    list_flags,
    make_time,
    write_folder,
    write_log,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.errors import ConfigError, InputError, StoppedError
from reviewer.foreign.importing import CHUNK_ROWS
from reviewer.log.media import MediaStore, name_media
from reviewer.records import Flag
from reviewer.workspace import Workspace

LABEL = json.dumps({"label": "dog", "confidences": None})


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """The name of one of the versions."""
    return str(request.param)


def write_era(path: Path, era: str) -> Path:
    return write_folder(path / "shop/flagged", ERAS[era])


def find_row(workspace: Path, row: int) -> Flag:
    return next(each for each in list_flags(workspace) if each.origin["row"] == row)


def read_quarantine(workspace: Path) -> list[dict[str, str]]:
    """Return the rows that were set aside."""
    with (workspace / "flagged/quarantine/rows-0001.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Every version


def test_every_row_of_every_version_is_imported(tmp_path: Path, era: str) -> None:
    report = import_folder(tmp_path / "w", write_era(tmp_path, era))
    assert report.count() == {"imported": len(TEXTS), "quarantined": 0, "skipped": 0}
    assert len(list_flags(tmp_path / "w")) == report.rows == len(TEXTS)


def test_what_was_typed_comes_back_or_is_marked(tmp_path: Path, era: str) -> None:
    import_folder(tmp_path / "w", write_era(tmp_path, era))
    flags = list_flags(tmp_path / "w")
    key = next(iter(flags[0].inputs))
    for text, flag in zip(TEXTS, flags, strict=True):
        assert flag.inputs[key] == text or key in flag.origin["altered"]
    exact = {each.inputs[key] for each in flags if not each.origin["altered"]}
    assert {"plain text", "line one\nline two\n\nline four", "007", "  padded  ", "tab\there", ""} <= exact


def test_inputs_are_stored_as_the_components_store_them(tmp_path: Path, era: str) -> None:
    import_folder(tmp_path / "w", write_era(tmp_path, era))
    media = MediaStore(tmp_path / "w/flagged/media")
    for number, flag in enumerate(list_flags(tmp_path / "w")):
        _, photo, size, group = flag.inputs.values()
        assert media.read(photo["media"]) == draw(number)
        assert size == -number / 4
        assert group == GROUP


def test_answers_are_stored_as_the_components_store_them(tmp_path: Path, era: str) -> None:
    import_folder(tmp_path / "w", write_era(tmp_path, era))
    for flag in list_flags(tmp_path / "w"):
        assert (flag.predicted_label, flag.confidence, flag.scores) == ("dog", 0.55, SCORES)
        details, table = flag.output.values()
        assert details == DETAILS
        assert table["rows"] == ROWS
        assert table["columns"] == (["1", "2"] if era == "2.9" else COLUMNS)


def test_every_repair_and_doubt_is_in_the_origin(tmp_path: Path) -> None:
    rows = [["Text", "Size", "Kind", "timestamp"], ["'a,-b", "'-3", "'=dog", make_time(0)]]
    mapping = {"Kind": "output:label"}
    import_folder(tmp_path / "w", write_log(tmp_path / "shop", rows), mapping=mapping)
    flag = list_flags(tmp_path / "w")[0]
    assert flag.inputs == {"text": "a,-b", "size": -3}
    assert flag.predicted_label == "'=dog"
    assert [each.partition(":")[0] for each in flag.origin["repairs"]] == ["Text", "Size"]
    assert list(flag.origin["altered"]) == ["kind"]
    assert (flag.origin["file"], flag.origin["row"]) == ("dataset1.csv", 1)


def test_option_and_time_are_taken_over(tmp_path: Path, era: str) -> None:
    import_folder(tmp_path / "w", write_era(tmp_path, era))
    flags = list_flags(tmp_path / "w")
    assert {each.source for each in flags} == {"import"}
    if era != "simple":
        expected = [("other", ("ambiguous",)), ("wrong_label", ("incorrect",))]
        assert [(each.option, each.tags) for each in flags[:2]] == expected
        assert flags[3].flagged_at == START.replace(tzinfo=UTC) + timedelta(seconds=3)
        assert "zone unknown" in flags[0].origin["flagged_at"]


def test_importing_again_adds_nothing_wherever_the_folder_lies(tmp_path: Path, era: str) -> None:
    folder = write_era(tmp_path, era)
    import_folder(tmp_path / "w", folder)
    shutil.move(folder, tmp_path / "elsewhere/shop/flagged")
    report = import_folder(tmp_path / "w", tmp_path / "elsewhere")
    assert report.count() == {"imported": 0, "quarantined": 0, "skipped": len(TEXTS)}
    assert len(list_flags(tmp_path / "w")) == len(TEXTS)


def test_rows_that_were_added_later_are_imported_alone(tmp_path: Path) -> None:
    rows = [["t", "flag", "timestamp"], *([str(each), "x", make_time(each)] for each in range(4))]
    folder = write_log(tmp_path / "shop", rows[:3])
    import_folder(tmp_path / "w", folder)
    write_log(folder, rows)
    assert import_folder(tmp_path / "w", folder).count() == {"imported": 2, "quarantined": 0, "skipped": 2}


# Rows that are not as the header says


def import_rows(tmp_path: Path, *rows: list[str], **given: Any) -> Any:
    return import_folder(tmp_path / "w", write_log(tmp_path / "shop", rows), **given)


def test_a_user_s_name_that_came_later_is_found(tmp_path: Path) -> None:
    header = ["t", "flag", "timestamp"]
    import_rows(tmp_path, header, ["a", "bad", make_time(0)], ["b", "bad", "bob", make_time(1)])
    flag = find_row(tmp_path / "w", 2)
    assert (flag.inputs, flag.option, flag.flagger) == ({"t": "b"}, "wrong_value", "bob")
    assert "4 cells where the header has 3" in flag.origin["repairs"][0]


def test_an_option_that_came_later_is_found_by_a_known_user(tmp_path: Path) -> None:
    header = ["t", "username", "timestamp"]
    import_rows(tmp_path, header, ["a", "bob", make_time(0)], ["b", "bad", "bob", make_time(1)])
    flag = find_row(tmp_path / "w", 2)
    assert (flag.inputs, flag.tags, flag.flagger) == ({"t": "b"}, ("bad",), "bob")


def test_a_user_s_name_that_is_missing_is_seen_by_a_known_option(tmp_path: Path) -> None:
    header = ["t", "flag", "username", "timestamp"]
    import_rows(tmp_path, header, ["a", "bad", "bob", make_time(0)], ["b", "bad", make_time(1)])
    flag = find_row(tmp_path / "w", 2)
    assert (flag.inputs, flag.tags, flag.flagger) == ({"t": "b"}, ("bad",), "")


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        (["a", "flag", "timestamp"], ["v", "x"], ["v", "w", "x"]),
        (["t", "u", "flag", "timestamp"], ["v", "w", "x"], ["v", "x"]),
        (["t", "timestamp"], ["v"], ["v", "x"]),
        (["t", "flag", "timestamp"], ["v", "x"], ["v", "x", "x"]),
    ],
)
def test_a_row_that_may_be_read_in_two_ways_is_quarantined(
    tmp_path: Path, header: list[str], good: list[str], bad: list[str]
) -> None:
    report = import_rows(tmp_path, header, [*good, make_time(0)], [*bad, make_time(1)])
    assert report.imported == 1
    assert [(each.row, each.line) for each in report.quarantined] == [(2, 3)]
    assert f"{len(bad) + 1} cells where the header has {len(header)}" in report.quarantined[0].reason


def test_a_user_s_name_and_an_option_are_restored_or_marked_like_texts(tmp_path: Path) -> None:
    header = ["t", "flag", "username", "timestamp"]
    import_rows(tmp_path, header, ["a", "'bad,-no", "'@bob", make_time(0)])
    flag = find_row(tmp_path / "w", 1)
    assert (flag.tags, flag.flagger) == (("bad,-no",), "'@bob")
    assert list(flag.origin["altered"]) == ["flagger"]
    assert [each.partition(":")[0] for each in flag.origin["repairs"]] == ["option"]


def test_the_chat_logger_s_rows_of_four_are_read(tmp_path: Path) -> None:
    chat = json.dumps([{"role": "user", "content": "hi"}])
    header = ["conversation", "index", "value", "flag", "timestamp"]
    import_rows(tmp_path, header, [chat, "3", "Like", make_time(0)])
    flag = find_row(tmp_path / "w", 1)
    assert flag.inputs == {"conversation": chat, "index": 3}
    assert (flag.option, flag.tags) == ("good_example", ("Like",))
    assert flag.origin["altered"] == {}


def test_a_row_that_was_cut_off_in_its_time_is_quarantined(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "shop", [["t", "flag", "timestamp"], ["a", "x", make_time(0)]])
    with (folder / "dataset1.csv").open("a", encoding="utf-8") as file:
        file.write("b,x,2026-03-01 12:0")
    report = import_folder(tmp_path / "w", folder)
    assert report.imported == 1
    assert "cut off" in report.quarantined[0].reason


def test_quarantined_rows_are_kept_once_with_file_row_reason_and_text(tmp_path: Path) -> None:
    folder = write_log(
        tmp_path / "shop", [["t", "flag", "timestamp"], ['torn "half'], ["a", "x", make_time(0)]]
    )
    for _ in range(2):
        report = import_folder(tmp_path / "w", folder)
        assert len(report.quarantined) == 1
    kept = read_quarantine(tmp_path / "w")
    assert [(each["file"], each["row"], each["line"]) for each in kept] == [("dataset1.csv", "1", "2")]
    assert kept[0]["raw"] == '"torn ""half"\r\n'
    assert kept[0]["reason"] == report.quarantined[0].reason


@pytest.mark.parametrize("name", ["flagged/", "shop/flagged/", ""])
def test_a_row_set_aside_is_kept_once_however_it_is_reached(tmp_path: Path, name: str) -> None:
    rows = [["t", "flag", "timestamp"], ["torn"], ["torn"], ["a", "x", make_time(0)], ['torn "half']]
    folder = write_log(tmp_path / "shop/flagged", rows)
    write_log(folder, rows, "dataset2.csv")
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for number in (1, 2):
            archive.write(folder / f"dataset{number}.csv", f"{name}dataset{number}.csv")
    paths = (folder, folder.parent, tmp_path / "shop.zip", folder / "dataset2.csv", folder)
    counts = [len(import_folder(tmp_path / "w", each).quarantined) for each in paths]
    assert counts == [7, 7, 7, 3, 7]
    assert sorted(each["raw"] for each in read_quarantine(tmp_path / "w")) == sorted(
        [*["torn\r\n"] * 4, *['"torn ""half"\r\n'] * 2, f"a,x,{make_time(0)}\r\n"]
    )


def test_two_imports_at_the_same_time_leave_one_row_set_aside(tmp_path: Path) -> None:
    folder = write_log(tmp_path / "shop", [["t", "flag", "timestamp"], ["torn"], ["a", "x", make_time(0)]])
    import_folder(tmp_path / "w", folder)
    kept = tmp_path / "w/flagged/quarantine/rows-0001.csv"
    header, row = kept.read_bytes().split(b"\n", 1)
    kept.write_bytes(header + b"\n" + row + row)
    with Workspace(tmp_path / "w") as workspace:
        (rows,) = workspace.read_quarantine()
    assert [row[6] for row in rows] == ["torn\r\n"]


def test_a_row_mended_by_hand_is_imported_without_the_others_again(tmp_path: Path) -> None:
    rows = [["t", "flag", "timestamp"], ["torn"], ["a", "x", make_time(0)], ["b", "x", make_time(1)]]
    folder = write_log(tmp_path / "shop", rows)
    import_folder(tmp_path / "w", folder)
    rows[1] = ["mended", "x", make_time(9)]
    write_log(folder, rows)
    assert import_folder(tmp_path / "w", folder).count() == {"imported": 1, "quarantined": 0, "skipped": 2}


def test_an_id_sorts_by_the_time_of_its_row(tmp_path: Path) -> None:
    rows = [["t", "x", make_time(each)] for each in (5, 3, 9)]
    import_rows(tmp_path, ["t", "flag", "timestamp"], *rows)
    by_id = sorted(list_flags(tmp_path / "w"), key=lambda each: each.flag_id)
    assert [each.origin["row"] for each in by_id] == [2, 1, 3]


def test_equal_rows_of_one_file_are_each_a_flag(tmp_path: Path) -> None:
    row = ["a", "x", make_time(0)]
    report = import_rows(tmp_path, ["t", "flag", "timestamp"], row, row)
    assert report.imported == len({each.flag_id for each in list_flags(tmp_path / "w")}) == 2


def test_a_copy_of_a_file_beside_it_gives_no_second_flags(tmp_path: Path) -> None:
    rows = [["t", "flag", "timestamp"], ["a", "x", make_time(0)]]
    folder = write_log(tmp_path / "shop", rows)
    write_log(folder, rows, "dataset_backup.csv")
    report = import_folder(tmp_path / "w", folder)
    assert report.imported == 1
    assert "same as row 1 of dataset1.csv" in report.quarantined[0].reason


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=6), min_size=1, max_size=4)
        | st.tuples(st.text("ab,'=-", max_size=4), st.just("x"), st.integers(0, 9).map(make_time)).map(list),
        max_size=8,
    ),
    cut=st.integers(0, 30),
)
def test_whatever_the_rows_each_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("any")
    folder = write_log(path / "shop", [["t", "flag", "timestamp"]])
    text = format_rows([["t", "flag", "timestamp"], *rows])
    (folder / "dataset1.csv").write_text(text[: max(len(text) - cut, 20)], encoding="utf-8", newline="")
    first = import_folder(path / "w", folder)
    again = import_folder(path / "w", folder)
    assert len(list_flags(path / "w")) == first.imported
    assert (again.imported, again.skipped) == (0, first.imported)
    assert len(again.quarantined) == len(first.quarantined)


# Pictures and files


def test_a_cell_that_names_a_file_elsewhere_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(draw(0))
    folder = tmp_path / "shop"
    inside = f"Photo/{'a' * 20}/x.png"
    (folder / inside).parent.mkdir(parents=True)
    (folder / inside).write_bytes(draw(1))
    bad = [str(tmp_path / "secret.png"), "../secret.png", "/etc/passwd"]
    good = [f"flagged/{inside}"] * 4
    rows = [[each, "x", make_time(at)] for at, each in enumerate([*bad, *good])]
    report = import_folder(tmp_path / "w", write_log(folder, [["Photo", "flag", "timestamp"], *rows]))
    assert (report.imported, [each.row for each in report.quarantined]) == (4, [1, 2, 3])
    kept = [each.name for each in (tmp_path / "w/flagged/media").rglob("*.*")]
    assert kept == [name_media(draw(1), "png")]


def test_a_text_that_looks_like_a_file_stays_a_text(tmp_path: Path) -> None:
    text = json.dumps({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}})
    import_rows(tmp_path, ["t", "flag", "timestamp"], [text, "x", make_time(0)])
    assert find_row(tmp_path / "w", 1).inputs == {"t": text}


@pytest.mark.parametrize("content", [None, b"<html>"])
def test_a_picture_that_is_gone_or_none_is_said_by_column(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "shop"
    inside = f"Photo/{'a' * 20}/x.png"
    (folder / inside).parent.mkdir(parents=True)
    if content is not None:
        (folder / inside).write_bytes(content)
    rows = [["Text", "Photo", "timestamp"], ["a", f"flagged/{inside}", make_time(0)]]
    report = import_folder(tmp_path / "w", write_log(folder, rows))
    assert "photo" in report.quarantined[0].reason.lower()


def test_files_keep_their_names_and_outputs_of_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for name in ("Upload", "Out file"):
        (folder / name / ("a" * 20)).mkdir(parents=True)
        (folder / name / ("a" * 20) / "in, é.txt").write_text(name, encoding="utf-8")
    cells = [f"flagged/{name}/{'a' * 20}/in, é.txt" for name in ("Upload", "Out file")]
    rows = [["Upload", "Out file", "timestamp"], [*cells, make_time(0)]]
    import_folder(tmp_path / "w", write_log(folder, rows))
    flag = find_row(tmp_path / "w", 1)
    assert flag.inputs == {"upload": {"media": name_media(b"Upload", "txt"), "name": "in, é.txt"}}
    assert flag.output == {"media": name_media(b"Out file", "txt"), "name": "in, é.txt"}


def test_pictures_inside_an_answer_are_stored(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    inside = f"Gallery/{'a' * 20}/x.png"
    (folder / inside).parent.mkdir(parents=True)
    (folder / inside).write_bytes(draw(1))
    gallery = json.dumps([{"image": f"flagged/{inside}", "caption": None}])
    import_folder(
        tmp_path / "w", write_log(folder, [["t", "Gallery", "timestamp"], ["a", gallery, make_time(0)]])
    )
    picture = {"media": name_media(draw(1), "png"), "name": "x.png"}
    assert find_row(tmp_path / "w", 1).output == [{"image": picture, "caption": None}]


# Models


def test_flags_go_to_the_model_with_these_columns(tmp_path: Path, tiny_folder: Path) -> None:
    rows = [["Text", "output", "flag", "timestamp"], ["hi", "login", "incorrect", make_time(0)]]
    report = import_folder(tiny_folder, write_log(tmp_path / "shop", rows), model="tickets")
    assert report.models == {"tickets": 1}
    flag = list_flags(tiny_folder)[0]
    assert (flag.inputs, flag.predicted_label, flag.option) == ({"text": "hi"}, "login", "wrong_label")


def test_an_example_that_the_model_here_could_not_run_on_is_quarantined(
    tmp_path: Path, tiny_folder: Path
) -> None:
    rows = [["text", "label", "timestamp"], ["", LABEL.replace("dog", "login"), make_time(0)]]
    report = import_folder(tiny_folder, write_log(tmp_path / "shop", rows))
    assert [each.reason for each in report.quarantined] == ["text is missing."]


def test_a_mapping_gives_columns_to_inputs_of_another_name(tmp_path: Path, tiny_folder: Path) -> None:
    rows = [["Message", "output", "timestamp"], ["hi", "login", make_time(0)]]
    folder = write_log(tmp_path / "shop", rows)
    with pytest.raises(InputError, match="--map"):
        import_folder(tiny_folder, folder, model="tickets")
    mapping = {"Message": "input:textbox:text"}
    assert import_folder(tiny_folder, folder, model="tickets", mapping=mapping).imported == 1


def test_a_mapping_of_an_unknown_column_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'Text'"):
        import_rows(tmp_path, ["Text", "timestamp"], ["a", make_time(0)], mapping={"Txt": "input"})


def test_a_mapped_column_is_read_as_told(tmp_path: Path) -> None:
    rows = [["a", "b", "c", "timestamp"], ["1", "2", "3", make_time(0)]]
    mapping = {"a": "input:textbox", "b": "output:number", "c": "ignore"}
    import_rows(tmp_path, *rows, mapping=mapping)
    flag = find_row(tmp_path / "w", 1)
    assert (flag.inputs, flag.predicted_value, flag.output) == ({"a": "1"}, 2.0, None)


def test_several_apps_below_one_folder_are_several_models(tmp_path: Path) -> None:
    write_folder(tmp_path / "all/cats/flagged", ERAS["3.50"])
    write_folder(tmp_path / "all/dogs/flagged", ERAS["6.31"])
    write_log(tmp_path / "all/cats/more", [[*HEADER[:1], "timestamp"], ["a", make_time(0)]])
    report = import_folder(tmp_path / "w", tmp_path / "all")
    assert report.models == {"cats": len(TEXTS), "dogs": len(TEXTS), "more": 1}
    assert import_folder(tmp_path / "w", tmp_path / "all").imported == 0


def test_a_time_is_read_in_the_zone_that_is_named(tmp_path: Path) -> None:
    rows = [["t", "timestamp"], ["a", "2026-07-01 12:00:00"]]
    import_rows(tmp_path, *rows, timezone="Europe/Zurich")
    flag = find_row(tmp_path / "w", 1)
    assert flag.flagged_at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert flag.origin["flagged_at"] == "zone unknown, read as Europe/Zurich"
    assert import_rows(tmp_path, *rows, timezone="UTC").skipped == 1


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Mars/Base"):
        import_rows(tmp_path, ["t", "timestamp"], ["a", make_time(0)], timezone="Mars/Base")


def test_a_stopped_import_goes_on_where_it_was(tmp_path: Path) -> None:
    rows = [[f"text {each}", "x", make_time(each)] for each in range(3 * CHUNK_ROWS)]
    folder = write_log(tmp_path / "shop", [["t", "flag", "timestamp"], *rows])

    def stop_half_way(share: float, doing: str) -> None:
        if share > 0.5:
            raise StoppedError("Stopped.")

    with pytest.raises(StoppedError):
        import_folder(tmp_path / "w", folder, progress=stop_half_way)
    report = import_folder(tmp_path / "w", folder)
    assert report.imported + report.skipped == len(rows)
    assert report.imported == CHUNK_ROWS


def test_a_row_too_long_for_the_log_is_quarantined_alone(tmp_path: Path) -> None:
    long = "x" * 10_000_001
    report = import_rows(tmp_path, ["t", "timestamp"], [long, make_time(0)], ["b", make_time(1)])
    assert report.imported == 1
    assert "longer than" in report.quarantined[0].reason


def test_without_a_model_for_them_nothing_is_imported(tmp_path: Path, tiny_folder: Path) -> None:
    folder = write_log(tmp_path / "shop", [["t", "u", "timestamp"], ["a", "b", make_time(0)]])
    with pytest.raises(ConfigError, match="--add-model"):
        import_folder(tiny_folder, folder)
    assert list_flags(tiny_folder) == []
