from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from builders import make_flag, make_review

from reviewer.doctor import Area, Finding, Level, check_environment, check_folder, check_workspace
from reviewer.index.walls import find_landlock_abi
from reviewer.log import encode_row, open_logs
from reviewer.records import new_id
from reviewer.workspace import Workspace


def find_sentences(findings: list[Finding], level: Level, area: Area | None = None) -> list[str]:
    return [each.sentence for each in findings if each.level is level and area in (None, each.area)]


def append(folder: Path, stream: str, *records: object) -> None:
    open_logs(folder / "flagged")[stream].append([encode_row(stream, each) for each in records])


def add_bytes(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.fixture
def filled_folder(tiny_folder: Path) -> Path:
    """The tiny workspace with two flags, the second of them reviewed, and a prediction."""
    flags = [make_flag(comment='over\ntwo "lines"'), make_flag()]
    append(tiny_folder, "flags", *flags)
    append(tiny_folder, "reviews", make_review(flags[1].flag_id, seq=1, value="ambiguous"))
    with Workspace(tiny_folder) as workspace:
        workspace.predict("tickets", {"text": "refund"})
    return tiny_folder


def test_a_sound_workspace_has_no_problem(filled_folder: Path) -> None:
    findings = check_folder(filled_folder)
    assert find_sentences(findings, Level.PROBLEM) == []
    assert {each.area for each in findings} == set(Area)
    assert find_sentences(findings, Level.OK, Area.INDEX) == [
        "The index holds what the logs hold: 2 flags, 1 reviews, 1 predictions."
    ]


def test_an_empty_workspace_has_no_problem(tiny_workspace: Workspace) -> None:
    assert find_sentences(check_workspace(tiny_workspace), Level.PROBLEM) == []


def test_a_workspace_is_checked_while_the_app_serves_it(filled_folder: Path) -> None:
    with Workspace(filled_folder, is_app=True):
        assert find_sentences(check_folder(filled_folder), Level.PROBLEM) == []


# Environment


def test_landlock_is_reported_as_the_kernel_has_it(tmp_path: Path) -> None:
    found = [each for each in check_environment(tmp_path) if "Landlock" in each.sentence]
    assert [each.level for each in found] == [Level.OK if find_landlock_abi() else Level.WARNING]


def test_a_package_of_the_wrong_version_is_named_with_the_command_that_mends_it(
    tiny_folder: Path, tmp_path: Path
) -> None:
    about = tmp_path / "site" / "flag_reviewer-9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: flag-reviewer\nVersion: 9\nRequires-Python: >=3.99\n"
        "Requires-Dist: duckdb<1\nRequires-Dist: no-such-package>=2\n"
        'Requires-Dist: neither-this>=2; extra == "test"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "reviewer", "doctor", "--no-models", "--format", "csv"],
        capture_output=True, text=True, check=False, cwd=tiny_folder,
        env={**os.environ, "PYTHONPATH": str(about.parent), "REVIEWER_WORKSPACE": str(tiny_folder)},
    )  # fmt: skip
    assert done.returncode == 9
    assert "run `pip install 'duckdb<1'`" in done.stdout
    assert "no-such-package is missing" in done.stdout
    assert ">=3.99 is needed" in done.stdout
    assert "neither-this" not in done.stdout
    assert done.stderr == "3 problems found.\n"


# Config


def test_every_mistake_of_a_broken_config_is_a_problem_and_the_logs_are_still_checked(
    filled_folder: Path,
) -> None:
    (filled_folder / "reviewer.toml").write_text('[models.a]\ntask = "chess"\ninputs.text = "textbx"\n')
    findings = check_folder(filled_folder)
    assert len(find_sentences(findings, Level.PROBLEM, Area.CONFIG)) == 2
    assert "flags-0001.csv has 2 rows." in find_sentences(findings, Level.OK, Area.LOGS)


def test_a_folder_that_is_no_workspace_is_left_as_it_is(tmp_path: Path) -> None:
    problems = find_sentences(check_folder(tmp_path), Level.PROBLEM, Area.CONFIG)
    assert "is not a workspace" in problems[0]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_a_problem(tmp_path: Path) -> None:
    problems = find_sentences(check_folder(tmp_path / "none"), Level.PROBLEM, Area.ENVIRONMENT)
    assert "does not exist" in problems[0]


def test_missing_base_data_is_a_problem(filled_folder: Path) -> None:
    (filled_folder / "data/tickets.csv").unlink()
    assert "models.tickets.base" in find_sentences(check_folder(filled_folder), Level.PROBLEM)[0]


# Logs


@pytest.mark.parametrize(
    "torn",
    [b"01a2", b'01a20607-bc86-7fa2-b879-de2e00849709,"open\nquote\n', "ü".encode()[:1], b"\0" * 100],
    ids=["half a cell", "open quote", "half a letter", "zeros"],
)
def test_a_torn_end_is_a_warning_and_no_row(torn: bytes, filled_folder: Path) -> None:
    add_bytes(filled_folder / "flagged/flags-0001.csv", torn)
    findings = check_folder(filled_folder)
    assert find_sentences(findings, Level.PROBLEM) == []
    assert "half a row" in find_sentences(findings, Level.WARNING, Area.LOGS)[0]


def test_torn_ends_that_were_moved_aside_are_named(filled_folder: Path) -> None:
    add_bytes(filled_folder / "flagged/flags-0001.csv", b"01a2")
    append(filled_folder, "flags", make_flag())
    warnings = find_sentences(check_folder(filled_folder), Level.WARNING, Area.LOGS)
    assert "1 torn rows" in warnings[0]
    assert "flags-0001-at-" in warnings[0]


def test_damage_with_rows_behind_it_is_a_problem(filled_folder: Path) -> None:
    path = filled_folder / "flagged/flags-0001.csv"
    lines = path.read_bytes().split(b"\n", 1)
    path.write_bytes(lines[0] + b'\n01a20607-bc86-7fa2-b879-de2e00849709,"open\n' + lines[1])
    problems = find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.LOGS)
    assert "is damaged after its row" in problems[0]


def test_a_foreign_header_is_a_problem(filled_folder: Path) -> None:
    (filled_folder / "flagged/flags-0001.csv").write_text("a,b\n1,2\n")
    findings = check_folder(filled_folder)
    assert "not the header of a flags log" in find_sentences(findings, Level.PROBLEM, Area.LOGS)[0]
    assert "not the header of a flags log" in find_sentences(findings, Level.PROBLEM, Area.INDEX)[0]


def seal(folder: Path) -> None:
    with Workspace(folder) as workspace:
        workspace.chain.seal()


def alter_review(folder: Path) -> None:
    path = folder / "flagged" / "reviews-0001.csv"
    path.write_bytes(path.read_bytes().replace(b"ambiguous", b"bad_input"))


def test_sealed_reviews_are_counted(filled_folder: Path) -> None:
    seal(filled_folder)
    oks = find_sentences(check_folder(filled_folder, has_models=False), Level.OK, Area.LOGS)
    assert "1 reviews are as they were sealed." in oks


def test_the_first_review_that_was_altered_is_a_problem_until_a_new_chain_is_begun(
    filled_folder: Path,
) -> None:
    seal(filled_folder)
    alter_review(filled_folder)
    [problem] = find_sentences(check_folder(filled_folder, has_models=False), Level.PROBLEM, Area.LOGS)
    assert problem.startswith("reviews-0001.csv, line 2: the row ")
    assert "was altered. Restore the log" in problem
    assert "`reviewer audit restart REASON`" in problem
    with Workspace(filled_folder) as workspace:
        workspace.restart_chain("a slip")
        workspace.reindex()
    findings = check_folder(filled_folder, has_models=False)
    assert find_sentences(findings, Level.PROBLEM) == []
    told = "1 reviews are as they were sealed since the chain was begun anew (a slip)."
    assert told in find_sentences(findings, Level.OK, Area.LOGS)


def test_an_altered_review_is_found_beside_a_broken_config(filled_folder: Path) -> None:
    seal(filled_folder)
    alter_review(filled_folder)
    (filled_folder / "reviewer.toml").write_text("[models.a]\n")
    assert find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.LOGS)


def test_a_chain_that_cannot_be_read_is_a_problem(filled_folder: Path) -> None:
    (filled_folder / "flagged" / "chain-0001.csv").write_text("a,b\n1,2\n")
    problems = find_sentences(check_folder(filled_folder, has_models=False), Level.PROBLEM, Area.LOGS)
    assert [each for each in problems if each.startswith("The reviews cannot be compared with their seals: ")]


def test_rows_that_cannot_be_read_are_listed_with_their_reason(filled_folder: Path) -> None:
    path = filled_folder / "flagged/flags-0001.csv"
    add_bytes(path, b"too,few,cells\n")
    add_bytes(
        path, b",".join([b"not-an-id"] * path.read_bytes().split(b"\n")[0].decode().count(",")) + b",1\n"
    )
    findings = check_folder(filled_folder)
    warnings = find_sentences(findings, Level.WARNING, Area.LOGS)
    assert any("3 cells" in each for each in warnings)
    assert any("not-an-id" in each for each in warnings)
    assert find_sentences(findings, Level.PROBLEM) == []


# Index


def change_index(folder: Path, statement: str) -> None:
    """Damage the index behind the program's back."""
    with Workspace(folder) as workspace:
        workspace.count_rows()
    with duckdb.connect(folder / "flagged/.index/side.duckdb") as connection:
        connection.execute(statement)


def test_an_index_that_lacks_rows_is_a_problem_until_it_is_built_anew(filled_folder: Path) -> None:
    change_index(filled_folder, "delete from flags where status = 'open'")
    problems = find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.INDEX)
    assert "lacks 1 of the flags" in problems[0]
    assert "`reviewer reindex`" in problems[0]
    with Workspace(filled_folder) as workspace:
        workspace.reindex()
    assert find_sentences(check_folder(filled_folder), Level.PROBLEM) == []


def test_a_review_of_a_flag_that_is_in_no_log_is_a_warning(filled_folder: Path) -> None:
    append(filled_folder, "reviews", make_review(new_id(), seq=1, value="ambiguous"))
    findings = check_folder(filled_folder)
    assert find_sentences(findings, Level.PROBLEM) == []
    assert "its flag is unknown" in find_sentences(findings, Level.WARNING, Area.LOGS)[0]


def test_an_index_with_rows_of_its_own_is_a_problem(filled_folder: Path) -> None:
    change_index(filled_folder, "insert into predictions by name select uuid() as prediction_id")
    problems = find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.INDEX)
    assert "has 1 that are not in it" in problems[0]


def test_an_index_with_another_state_than_the_reviews_give_is_a_problem(filled_folder: Path) -> None:
    change_index(filled_folder, "update flags set status = 'resolved'")
    problems = find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.INDEX)
    assert problems == ["The index is another one than the logs give; run `reviewer reindex`."]


# Models


def test_a_changed_artifact_is_a_problem(filled_folder: Path) -> None:
    add_bytes(filled_folder / "models/tickets/1/model.skops", b"x")
    problems = find_sentences(check_folder(filled_folder, has_models=False), Level.PROBLEM, Area.MODELS)
    assert "was changed after it became version 1" in problems[0]


def test_a_served_version_that_is_gone_is_a_problem(filled_folder: Path) -> None:
    (filled_folder / "models/tickets/served").write_text("7")
    problems = find_sentences(check_folder(filled_folder), Level.PROBLEM, Area.MODELS)
    assert "no version of tickets '7'" in problems[0]


def test_a_model_that_does_not_load_is_a_problem_and_the_others_are_still_checked(tiny_folder: Path) -> None:
    (tiny_folder / "tickets.skops").write_bytes(b"none")
    findings = check_folder(tiny_folder)
    assert "no readable model file" in find_sentences(findings, Level.PROBLEM, Area.MODELS)[0]
    assert find_sentences(findings, Level.OK, Area.MODELS) == ["shades version 1 loads and is served."]


def test_a_missing_model_file_is_a_problem(tiny_folder: Path) -> None:
    (tiny_folder / "shades.skops").unlink()
    problems = find_sentences(check_folder(tiny_folder), Level.PROBLEM, Area.MODELS)
    assert "no such file" in problems[0]
