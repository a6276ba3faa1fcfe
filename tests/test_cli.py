from __future__ import annotations

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from reviewer import cli, errors
from reviewer.access import find_owner
from reviewer.cli import EXIT_CODES, app, find_exit_code, main
from reviewer.payloads import list_columns
from reviewer.records import Flag
from reviewer.workspace import Workspace

HEAVY = ("gradio", "plotly", "sklearn")
HOSTILE = "\x1b[31mred\x1b[0m [bold]=1+1\u202e\x9b2J"


@pytest.fixture
def run(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run the command line in this process, in the tiny workspace."""
    monkeypatch.chdir(tiny_folder)
    monkeypatch.delenv("REVIEWER_WORKSPACE", raising=False)
    monkeypatch.setenv("LOGNAME", "ana")
    find_owner.cache_clear()
    yield lambda *words: main([str(each) for each in words])
    find_owner.cache_clear()


@pytest.fixture
def ask(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the command line and return what its stdout holds as JSON."""

    def ask(*words: str) -> Any:
        capsys.readouterr()
        assert run(*words) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def flag(ask: Callable[..., Any]) -> dict[str, Any]:
    """A flag that was made on the command line."""
    prediction = ask("predict", "tickets", "--json", '{"text": "cannot sign in"}')
    made: dict[str, Any] = ask(
        "flag", prediction["prediction_id"], "--option", "wrong_label",
        "--suggested-label", "refund", "--comment", HOSTILE,
    )  # fmt: skip
    return made


def start(*words: str, folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start the command line as a process of its own."""
    environment = {**os.environ, "REVIEWER_WORKSPACE": str(folder), **options.pop("environment", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "reviewer", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options,
    )  # fmt: skip


def complain(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr, having checked that it is one and that stdout is empty."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


# The loop


def test_a_flag_goes_from_prediction_to_verified_in_processes_of_their_own(tiny_folder: Path) -> None:
    def ask_process(*words: str) -> Any:
        process = start(*words, folder=tiny_folder)
        out, err = process.communicate()
        assert process.returncode == 0, err
        return json.loads(out)

    prediction = ask_process("predict", "tickets", "--json", '{"text": "cannot sign in to the refund page"}')
    flagged = ask_process("flag", prediction["prediction_id"], "--option", "wrong_label")
    assert [each["flag_id"] for each in ask_process("queue", "--view", "open")] == [flagged["flag_id"]]
    decided = ask_process("review", flagged["flag_id"], "--corrected-label", "refund", "--reviewer", "bo")
    assert (decided["resolution"], decided["reviewer"]) == ("label_corrected", "bo")
    assert ask_process("export", "tickets")["counts"]["written"] == 1
    assert ask_process("retrain", "tickets", "--verify")["version"] == "2"
    verified = ask_process("queue", "--view", "done")[0]
    assert verified["verified_version"] == "2"
    assert verified["verification"] in ("fixed", "still_failing")


def test_predict_prints_the_logged_prediction(ask: Callable[..., Any], tiny_workspace: Workspace) -> None:
    prediction = ask("predict", "tickets", "--json", '{"text": "refund please"}')
    assert prediction["predicted_label"] == "refund"
    assert prediction["username"] == "ana"
    assert prediction["predicted_at"].endswith("Z")
    assert tiny_workspace.count_rows()["predictions"] == 1


def test_predict_takes_an_image_from_a_file(ask: Callable[..., Any], tmp_path: Path) -> None:
    Image.new("L", (2, 2), 255).save(tmp_path / "white.png")
    assert ask("predict", "shades", "--file", str(tmp_path / "white.png"))["predicted_label"] == "white"


def test_a_text_longer_than_an_argument_is_read_from_stdin(tiny_folder: Path) -> None:
    process = start("predict", "tickets", "--json", "-", folder=tiny_folder, stdin=subprocess.PIPE)
    _, err = process.communicate(json.dumps({"text": "x" * 5_000_000}).encode())
    assert process.returncode == 3
    assert "5,000,000 characters" in err.decode()


def test_a_failing_model_is_printed_and_ends_with_its_exit_code(
    run: Callable[..., int], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "broken_model.py").write_text("def answer(text):\n    raise TypeError('no text today')\n")
    with (tiny_folder / "reviewer.toml").open("a") as config:
        config.write(
            '[models.broken]\nkind = "python"\npath = "broken_model:answer"\ntrusted = true\n'
            'task = "generic"\ninputs.text = "textbox"\n'
        )
    assert run("predict", "broken", "--json", '{"text": "hm"}') == 6
    captured = capsys.readouterr()
    said, _, traceback = json.loads(captured.out)["error"].partition("\n\n")
    assert "no text today" in said
    assert "in answer" in traceback
    assert captured.err == said + "\n"


def test_a_flag_is_taken_back_by_its_own_id(ask: Callable[..., Any], flag: dict[str, Any]) -> None:
    assert flag["flagger"] == "ana"
    assert flag["comment"] == HOSTILE
    assert ask("undo", flag["flag_id"])[0]["is_withdrawn"] is True
    assert ask("queue") == []


def test_a_review_can_be_undone_by_the_action_it_names(
    run: Callable[..., int], ask: Callable[..., Any], flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("review", flag["flag_id"], "--corrected-label", "refund") == 0
    captured = capsys.readouterr()
    action_id = json.loads(captured.out)["action_id"]
    assert f"`reviewer undo {action_id}`" in captured.err
    undone = ask("undo", action_id)[0]
    assert (undone["status"], undone["inputs"]) == ("open", flag["inputs"])


def test_a_comment_alone_can_be_undone_too(
    run: Callable[..., int], ask: Callable[..., Any], flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("review", flag["flag_id"], "--comment", "look again") == 0
    action_id = capsys.readouterr().err.split("reviewer undo ")[1].split("`")[0]
    assert ask("queue")[0]["comments"] == 1
    assert ask("undo", action_id)[0]["comments"] == 0


def test_the_queue_is_filtered_as_asked(ask: Callable[..., Any], flag: dict[str, Any]) -> None:
    assert ask("queue", "--model", "tickets", "--option", "wrong_label", "--text", "SIGN")
    assert ask("queue", "--option", "bad_input", "--option", "other") == []
    assert ask("queue", "--confidence-min", "1") == []


def test_a_flag_is_assigned_and_in_its_owner_s_queue(ask: Callable[..., Any], flag: dict[str, Any]) -> None:
    assert ask("review", flag["flag_id"], "--assignee", "bob")["assignee"] == "bob"
    assert [each["flag_id"] for each in ask("queue", "--assignee", "bob")] == [flag["flag_id"]]
    assert ask("queue", "--assignee", "ann") == []
    assert ask("review", flag["flag_id"], "--assignee", "", "--reviewer", "ann")["assignee"] is None
    assert ask("review", flag["flag_id"], "--act", "claim", "--reviewer", "ann")["assignee"] == "ann"


def test_models_are_listed_compared_promoted_and_rolled_back(
    run: Callable[..., int], ask: Callable[..., Any], tiny_folder: Path
) -> None:
    assert [each["model"] for each in ask("models")] == ["tickets", "shades"]
    _add_reversed_version(tiny_folder)
    compared = ask("models", "compare", "tickets", "1", "2")
    assert compared["held_out"]["metrics"]["accuracy"]["difference"] == -1.0
    assert run("models", "promote", "tickets", "2") == 3
    made = ask("models", "promote", "tickets", "2", "--override", "a test", "--reviewer", "bo")
    assert (made["action"], made["who"], made["reason"]) == ("override", "bo", "a test")
    assert [each["is_served"] for each in ask("models", "--model", "tickets")] == [False, True]
    assert ask("models", "rollback", "tickets", "--reason", "enough")["to_version"] == "1"
    assert [each["action"] for each in ask("models", "history", "tickets")] == ["override", "rollback"]


def test_a_model_card_is_printed(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "card", "tickets") == 0
    assert capsys.readouterr().out.startswith("# tickets, version 1\n")


def test_verify_writes_files_for_a_build_server(
    run: Callable[..., int], ask: Callable[..., Any], tmp_path: Path, tiny_folder: Path
) -> None:
    prediction = ask("predict", "tickets", "--json", '{"text": "give my money back"}')
    right = ask("flag", prediction["prediction_id"], "--option", "low_confidence")
    ask("review", right["flag_id"], "--resolution", "prediction_correct")
    _add_reversed_version(tiny_folder)
    junit, markdown = tmp_path / "verify.xml", tmp_path / "verify.md"
    words = ("verify", "tickets", "--against", "1", "--junit", junit, "--markdown", markdown)
    assert run(*words) == 9
    (case,) = ElementTree.parse(junit).getroot().iter("testcase")  # noqa: S314  our own file
    assert (case.attrib["classname"], case.attrib["name"]) == ("tickets.2", right["flag_id"])
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "right: 'refund', answered: 'login'"
    assert "**1 regressed: right before, wrong now.**" in markdown.read_text()
    assert "Against version 1: better on 0 and worse on 1 of 1 flags" in markdown.read_text()
    assert run("verify", "tickets", "--junit", tmp_path / "no/such/folder.xml") == 5


def test_the_end_of_the_log_is_shown_when_training_fails(
    run: Callable[..., int], ask: Callable[..., Any], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "failing.py").write_text(
        "def train(bundle, out):\n    raise ValueError('no luck today')\n"
    )
    config = tiny_folder / "reviewer.toml"
    config.write_text(
        config.read_text().replace(
            'base = "data/tickets.csv"',
            'base = "data/tickets.csv"\ntrusted = true\ntraining.train = "failing:train"',
        )
    )
    prediction = ask("predict", "tickets", "--json", '{"text": "cannot sign in to the refund page"}')
    marked = ask("flag", prediction["prediction_id"], "--option", "wrong_label")
    ask("review", marked["flag_id"], "--corrected-label", "refund")
    capsys.readouterr()
    assert run("retrain", "tickets") == 6
    said = capsys.readouterr().err
    assert "raise ValueError('no luck today')" in said
    assert said.splitlines()[-1] == (
        "failing:train failed while it trained tickets: ValueError: no luck today"
    )


def test_verify_ends_with_9_when_a_right_answer_became_wrong(
    run: Callable[..., int], ask: Callable[..., Any], tiny_folder: Path
) -> None:
    prediction = ask("predict", "tickets", "--json", '{"text": "give my money back"}')
    right = ask("flag", prediction["prediction_id"], "--option", "low_confidence")
    ask("review", right["flag_id"], "--resolution", "prediction_correct")
    assert run("verify", "tickets") == 0
    _add_reversed_version(tiny_folder)
    assert run("verify", "tickets", "--version", "2") == 9
    assert ask("queue")[0]["verification"] == "regressed"


def _add_reversed_version(folder: Path) -> None:
    """Add a version of the tickets model that has learnt every label the wrong way round."""
    import skops.io

    with Workspace(folder) as workspace:
        versions = workspace.versions_of("tickets")
        pipeline = skops.io.load(versions.find().path)
        pipeline[-1].coef_ = -pipeline[-1].coef_

        def write(aside: Path) -> Path:
            skops.io.dump(pipeline, aside / "model.skops")
            return aside / "model.skops"

        versions.add(write, {})


def test_reindex_counts_what_it_read(ask: Callable[..., Any], flag: dict[str, Any]) -> None:
    assert ask("reindex") == {"flags": 1, "reviews": 0, "predictions": 1}


# Query


def test_a_query_prints_its_rows_as_json(ask: Callable[..., Any], flag: dict[str, Any]) -> None:
    assert ask("query", "select option, count(*) as flags from flags group by 1") == [
        {"option": "wrong_label", "flags": 1}
    ]


def test_columns_of_one_name_keep_their_values_in_json(ask: Callable[..., Any]) -> None:
    assert ask("query", "select 1 as a, 2 as a, 3 as a_2") == [{"a": 1, "a_3": 2, "a_2": 3}]


def test_a_query_is_read_from_stdin(tiny_folder: Path) -> None:
    process = start("query", "-", "--format", "csv", folder=tiny_folder, stdin=subprocess.PIPE)
    out, _ = process.communicate("select 'да' as answer".encode())
    assert (process.returncode, out.decode()) == (0, "answer\nда\n")


def test_a_refused_query_ends_with_7_and_one_sentence(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("query", "drop table flags") == 7
    assert "SELECT" in complain(capsys)


def test_csv_holds_every_value_exactly(
    run: Callable[..., int], flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("queue", "--format", "csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline=""), strict=True))
    assert rows[0] == list_columns(Flag)
    cells = dict(zip(rows[0], rows[1], strict=True))
    assert cells["comment"] == HOSTILE
    assert float(cells["confidence"]) == flag["confidence"]
    assert json.loads(cells["inputs"]) == flag["inputs"]


def test_an_empty_queue_still_has_its_csv_header(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("queue", "--format", "csv") == 0
    captured = capsys.readouterr()
    assert captured.out == ",".join(list_columns(Flag)) + "\n"
    assert captured.err == "No flag fits.\n"


@pytest.mark.parametrize("form", ["table", "json"])
def test_texts_of_others_cannot_steer_the_terminal(
    form: str, run: Callable[..., int], flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run("query", "select comment from flags", "--format", form) == 0
    out = capsys.readouterr().out
    assert "[bold]" in out
    assert not any(sign in out for sign in "\x1b\x9b")


def test_errors_escape_the_text_they_quote(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", "\x1b[2Jtickets", "--json", "{}") == 3
    assert "\x1b" not in complain(capsys)


# Errors and exit codes


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("predict", "ticket", "--json", "{}"), 3, "Did you mean 'tickets'?"),
        (("predict", "tickets", "--json", "{}"), 3, "text is missing"),
        (("predict", "tickets", "--json", "{"), 3, "no JSON"),
        (("predict", "tickets", "--json", "[" * 100_000), 3, "no JSON"),
        (("predict", "tickets", "--json", "[1]"), 3, "an object of inputs by name"),
        (("predict", "tickets"), 3, """--json '{"text": …}'"""),
        (("predict", "tickets", "--file", "x.png"), 3, "one picture, recording or file"),
        (("predict", "shades", "--file", "none.png"), 3, "none.png"),
        (("predict", "tickets", "--json", '{"text": "a"}', "--version", "7"), 3, "Known: 1"),
        (("flag", "no-such-id", "--option", "other"), 3, "no prediction 'no-such-id'"),
        (("review", "no-such-id", "--status", "open"), 3, "no flag 'no-such-id'"),
        (("undo", "no-such-id"), 3, "no action 'no-such-id'"),
        (("queue", "--view", "opne"), 3, "Did you mean 'open'?"),
        (("queue", "--sort", "older"), 3, "least_confident"),
        (("models", "promote", "tickets", "7"), 3, "Known: 1"),
        (("models", "promote", "tickets", "1"), 3, "is served already"),
        (("models", "compare", "tickets", "1", "7"), 3, "Known: 1"),
        (("models", "rollback", "tickets"), 3, "no version to go back to"),
        (("models", "card", "tickets", "7"), 3, "Known: 1"),
        (("retrain", "tickets"), 3, "reviewed"),
        (("retrain", "tickets", "--bundle", "7"), 3, "no export of tickets '7'"),
        (("export", "tickets"), 3, "reviewed"),
        (("--workspace", "nowhere", "queue"), 3, "nowhere"),
        (("queue", "--workspace", "nowhere"), 3, "nowhere"),
        (("serve", "--host", "0.0.0.0"), 3, "--without-sign-in"),  # noqa: S104  what must be refused
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_sentence(
    words: tuple[str, ...],
    code: int,
    said: str,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*words) == code
    assert said in complain(capsys)


@pytest.mark.parametrize(
    "words", [("quue",), ("queue", "--limit", "0"), ("queue", "--format", "xml"), ("predict",)]
)
def test_a_wrong_command_line_ends_with_2(
    words: tuple[str, ...], run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert "Usage: reviewer" in capsys.readouterr().err


def test_a_decision_on_a_changed_flag_ends_with_4(
    run: Callable[..., int], flag: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("review", flag["flag_id"], "--status", "in_review", "--reviewer", "bo") == 0
    capsys.readouterr()
    assert run("review", flag["flag_id"], "--corrected-label", "refund", "--seq", "0") == 4
    assert "changed by bo" in complain(capsys)


def test_a_foreign_log_ends_with_5(
    run: Callable[..., int], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "flagged").mkdir()
    (tiny_folder / "flagged/flags-0001.csv").write_text("a,b\n1,2\n")
    assert run("queue") == 5
    assert "not the header of a flags log" in complain(capsys)


def test_a_damaged_model_ends_with_6(
    run: Callable[..., int], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "tickets.skops").write_bytes(b"none")
    assert run("predict", "tickets", "--json", '{"text": "a"}') == 6
    assert "no readable model file" in complain(capsys)


def test_a_workspace_that_an_app_serves_ends_with_8(
    run: Callable[..., int], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Workspace(tiny_folder, is_app=True):
        assert run("reindex") == 8
    assert "in use" in complain(capsys)


@pytest.mark.parametrize("verb", ["serve", "demo"])
def test_a_port_in_use_is_named_with_the_option_that_helps(
    verb: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(verb, "--port", port) == 8
    said = complain(capsys)
    assert str(port) in said
    assert "--port" in said


def test_a_broken_config_names_each_mistake_on_a_line(
    run: Callable[..., int], tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny_folder / "reviewer.toml").write_text('[models.a]\ntask = "chess"\ninputs.text = "textbx"\n')
    assert run("queue") == 3
    said = capsys.readouterr().err.splitlines()
    assert "line 2" in said[0]
    assert "line 3" in said[1]


def test_an_error_has_the_exit_code_of_its_nearest_parent() -> None:
    assert find_exit_code(errors.UnknownNameError("model", "a")) == find_exit_code(errors.InputError("no"))
    assert find_exit_code(errors.UntrustedModelError("no")) == find_exit_code(errors.ModelError("no"))


def test_no_expected_error_ends_like_a_mistake_in_the_program() -> None:
    kinds = set(errors.ReviewerError.__subclasses__())
    assert kinds <= set(EXIT_CODES)
    assert all(EXIT_CODES[kind] > 2 for kind in kinds)


def test_help_lists_the_exit_codes_of_the_module(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    table = (cli.__doc__ or "").partition("exit code:\n\n")[2].partition("\n\n")[0]
    assert all(line.strip() in shown for line in table.splitlines())
    assert {int(line.split()[0]) for line in table.splitlines()} >= {0, 2, *EXIT_CODES.values()}


# Processes


def test_a_reader_that_goes_away_is_no_error(tiny_folder: Path) -> None:
    process = start("models", folder=tiny_folder)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert process.communicate()[1] == b""
    assert process.returncode == 141


def test_a_full_disk_behind_stdout_is_said_in_a_sentence(tiny_folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reviewer", "queue", "--workspace", tiny_folder],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 5
    assert done.stderr.splitlines() == ["The output could not be written: No space left on device."]


def test_ctrl_c_says_cancelled(tiny_folder: Path) -> None:
    process = start("query", "-", folder=tiny_folder, stdin=subprocess.PIPE)
    assert process.stdin is not None
    # No pipe holds this much, so once it is written the program is reading and waits for more.
    process.stdin.write(b" " * 2_000_000)
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err.decode()) == (130, b"", "Cancelled.\n")


def test_rows_are_a_table_on_a_terminal_and_json_elsewhere(tiny_folder: Path) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "wb") as terminal, os.fdopen(ours, "rb") as screen:
        command = [sys.executable, "-m", "reviewer", "models", "--workspace", str(tiny_folder)]
        subprocess.run(command, stdout=terminal, check=True)
        assert screen.readline().split() == b"model version is_served task created_at metrics".split()
    piped = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(piped)[0]["model"] == "tickets"


LIGHT = [
    ("--help",),
    ("queue",),
    ("flag", "none", "--option", "other"),
    ("review", "none", "--status", "open"),
    ("undo", "none"),
    ("query", "select 1"),
    ("models",),
    ("reindex",),
    ("doctor", "--no-models"),
]


@pytest.mark.parametrize("words", LIGHT, ids=lambda words: words[0])
def test_a_light_verb_imports_nothing_heavy(words: tuple[str, ...], tiny_folder: Path) -> None:
    program = (
        "import sys; from reviewer.cli import main; main(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, check=True, cwd=tiny_folder,
        env={**os.environ, "REVIEWER_WORKSPACE": str(tiny_folder)},
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "verb", [*app.registered_commands, *app.registered_groups], ids=lambda each: each.name
)
def test_every_verb_takes_the_workspace_and_explains_itself(
    verb: Any, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    name = verb.name or verb.callback.__name__
    # `labels` by itself only names its verbs.
    assert run(name, *(["list"] if name == "labels" else []), "--help") == 0
    # `new` makes the folder that the others take.
    assert ("DIR" if name == "new" else "--workspace DIR") in capsys.readouterr().out


def test_the_workspace_behind_the_verb_wins(
    run: Callable[..., int], tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("--workspace", "nowhere", "queue", "--workspace", tiny_folder) == 0
    assert run("--workspace", tiny_folder, "queue") == 0
    assert run("--workspace", tiny_folder, "models", "card", "tickets", "1") == 0
    assert run("models", "--workspace", tiny_folder, "card", "tickets", "1") == 0
    monkeypatch.setenv("REVIEWER_WORKSPACE", str(tiny_folder))
    assert run("queue") == 0


# Exports


def correct_some(workspace: Workspace, *texts: str) -> None:
    for text in texts:
        made = workspace.predict("tickets", {"text": text})
        flag = workspace.flag(made.prediction_id, option="wrong_label")
        workspace.review(flag.flag_id, corrected_label="refund", reviewer="ann")


def test_an_export_is_planned_on_stdout_and_what_to_know_is_said(
    ask: Callable[..., Any], tiny_workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    correct_some(tiny_workspace, "cannot sign in, write to ann@example.org", "cannot sign the voucher")
    plan = ask("export", "tickets", "--plan")
    assert plan["counts"]["considered"] == 2
    assert [each["kind"] for each in plan["findings"] if each["is_stop"]] == ["personal"]
    assert not (tiny_workspace.folder / "exports").exists()


def test_an_export_takes_its_choices_from_the_command_line(
    ask: Callable[..., Any], tiny_workspace: Workspace
) -> None:
    correct_some(tiny_workspace, "cannot sign in, write to ann@example.org", "cannot sign the voucher")
    made = ask(
        "export", "tickets", "--as", "jsonl", "--as", "fasttext", "--personal", "drop",
        "--share", "train=0.5", "--share", "test=0.5", "--weights", "balanced", "--min-agreement", "0.5",
    )  # fmt: skip
    assert made["counts"]["written"] == 1
    assert made["counts"]["left_out"] == {"personal": 1}
    options = tiny_workspace.find_bundle("tickets", "1").manifest["options"]
    assert (options["formats"], options["weights"]) == (["jsonl", "fasttext"], "balanced")
    assert options["shares"] == {"train": 0.5, "test": 0.5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mode", "half"), "mode is 'half'"),
        (("--as", "docx"), "no format 'docx'"),
        (("--as", "preference"), "a text generation model"),
        (("--share", "train=all"), "--share is 'train=all'"),
        (("--share", "train=0.5"), "add up to 0.5"),
        (("--min-agreement", "2"), "min_agreement is '2.0'"),
        (("--mode", "merge", "--base", "../secret.csv"), "secret.csv"),
        (("--mode", "merge", "--key", "colour"), "no input of tickets 'colour'"),
    ],
)
def test_a_choice_of_an_export_that_cannot_be_is_named(
    tiny_workspace: Workspace,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    correct_some(tiny_workspace, "cannot sign the voucher")
    assert run("export", "tickets", *words) == 3
    assert said in capsys.readouterr().err
