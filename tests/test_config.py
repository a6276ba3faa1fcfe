"""Config: what a `reviewer.toml` may say, and the sentence for every mistake in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from reviewer.config import (
    INPUT_SPECS,
    OUTPUT_SPECS,
    RESERVED_NAMES,
    TASK_OUTPUTS,
    ModelSpec,
    TableSpec,
    WorkspaceSpec,
    load_config,
)
from reviewer.config.inputs import GRADIO_NAMES
from reviewer.errors import ConfigError, UnknownNameError
from reviewer.records import FLAG_OPTIONS, FlagOption, Task

ROOT = Path(__file__).parent.parent

MODEL = """\
[models.tickets]
task = "text-classification"
labels = ["login", "refund"]
"""
"""Three lines that every case below goes on from, with line 4."""

GENERIC = '[models.echo]\ntask = "generic"\nkind = "python"\n'


def load(folder: Path, text: str) -> WorkspaceSpec:
    (folder / "reviewer.toml").write_text(text, encoding="utf-8")
    return load_config(folder)


def find_mistakes(folder: Path, text: str) -> list[str]:
    """Return the lines of the error, without the file's name that each begins with."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    start = f"{folder / 'reviewer.toml'}, line "
    mistakes = str(caught.value).splitlines()
    assert all(each.startswith(start) and each.endswith((".", "…")) for each in mistakes)
    return [each.removeprefix(start) for each in mistakes]


def test_the_repository_is_a_workspace_itself() -> None:
    assert set(load_config(ROOT).models) == {"digits", "tickets", "wine", "diabetes"}


def test_a_model_that_names_nothing_else_has_the_options_of_its_task(tmp_path: Path) -> None:
    spec = load(tmp_path, MODEL + 'inputs.text = "textbox"\n').find_model("tickets")
    assert spec.options == FLAG_OPTIONS[Task.TEXT_CLASSIFICATION]
    assert spec.shown_name == "tickets"
    assert not spec.trusted


def test_options_and_a_title_of_its_own_come_first(tmp_path: Path) -> None:
    text = MODEL + 'title = "Support"\nflag_options = ["other"]\ninputs.text = "textbox"\n'
    spec = load(tmp_path, text).find_model("tickets")
    assert spec.options == (FlagOption.OTHER,)
    assert spec.shown_name == "Support"


@pytest.mark.parametrize("component", ["textbox", "number", "checkbox", "date", "file", "audio"])
def test_the_short_form_of_a_component_means_its_full_form(tmp_path: Path, component: str) -> None:
    short = load(tmp_path, f'{MODEL}inputs.x = "{component}"\n')
    assert short == load(tmp_path, f'{MODEL}inputs.x = {{ component = "{component}" }}\n')
    assert short == load(tmp_path, f'{MODEL}[models.tickets.inputs.x]\ncomponent = "{component}"\n')


@pytest.mark.parametrize(("gradios", "own"), sorted(GRADIO_NAMES.items()))
def test_gradios_own_names_of_components_work_too(tmp_path: Path, gradios: str, own: str) -> None:
    if own in OUTPUT_SPECS:
        spec = load(tmp_path, f'{GENERIC}inputs.x = "textbox"\noutputs.y = "{gradios}"\n')
        assert spec.find_model("echo").outputs["y"].component == own
    if own in INPUT_SPECS:
        keys = {"checkbox_group": ', choices = ["a"]', "table": ', columns = ["a"]'}.get(own, "")
        spec = load(tmp_path, f'{GENERIC}inputs.x = {{ component = "{gradios}"{keys} }}\n')
        assert spec.find_model("echo").inputs["x"].component == own


def test_columns_of_a_table_without_types_are_texts(tmp_path: Path) -> None:
    spec = load(tmp_path, GENERIC + 'inputs.x = { component = "table", columns = ["a", "b"] }\n')
    table = spec.find_model("echo").inputs["x"]
    assert isinstance(table, TableSpec)
    assert table.columns == {"a": "text", "b": "text"}


@pytest.mark.parametrize("task", Task)
def test_a_model_that_names_no_outputs_has_those_of_its_task(tmp_path: Path, task: Task) -> None:
    labels = 'labels = ["a", "b"]\n' if task.is_classification else ""
    spec = load(tmp_path, f'[models.m]\ntask = "{task}"\n{labels}inputs.x = "textbox"\n').find_model("m")
    assert spec.answers == TASK_OUTPUTS[task]


def test_another_programs_classifier_needs_no_labels(tmp_path: Path) -> None:
    text = '[models.m]\ntask = "text-classification"\nkind = "external"\ninputs.text = "textbox"\n'
    assert load(tmp_path, text).find_model("m").labels == ()


def test_the_inputs_keep_the_order_of_the_file(tmp_path: Path) -> None:
    spec = load(tmp_path, MODEL + '[models.tickets.inputs]\nz = "textbox"\na = "number"\nm = "checkbox"\n')
    assert list(spec.find_model("tickets").inputs) == ["z", "a", "m"]


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    spec = load(tmp_path, MODEL + 'inputs.text = "textbox"\n')
    with pytest.raises(UnknownNameError, match="Did you mean 'tickets'"):
        spec.find_model("ticket")


def test_a_spec_cannot_be_changed(tmp_path: Path) -> None:
    spec = load(tmp_path, MODEL + 'inputs.text = "textbox"\n').find_model("tickets")
    with pytest.raises(ValueError, match="frozen"):
        spec.trusted = True


MISTAKES = {
    "an unknown key of the file": (
        f'titel = "x"\n{MODEL}inputs.text = "textbox"\n',
        "1: titel: There is no key 'titel'. Did you mean 'title'? Known: title, max_queue, keys, sign_in,"
        " webhooks, team, privacy, retention, models.",
    ),
    **{
        f"an unknown key of {table}": (
            f'{MODEL}inputs.text = "textbox"\n[{table}]\nnope = 1\n',
            f"6: {table}.nope: There is no key 'nope'. Known: {known}",
        )
        for table, known in {
            "team": "claim_minutes, second_share,",
            "sign_in": "on, idle_hours,",
            "privacy": "flagger.",
            "retention": "daily, prediction_days,",
            "models.tickets.training": "train, command, grid,",
        }.items()
    },
    "an unknown key of a model": (
        f'{MODEL}lables = 3\ninputs.text = "textbox"\n',
        "4: models.tickets.lables: There is no key 'lables'. Did you mean 'labels'? Known: task, kind,",
    ),
    "an unknown key in an inline table": (
        f'{MODEL}inputs.text = {{ component = "textbox", maxlength = 3 }}\n',
        "4: models.tickets.inputs.text.maxlength: There is no key 'maxlength'. Did you mean 'max_length'?",
    ),
    "an unknown key in a table of its own": (
        f'{MODEL}[models.tickets.inputs.text]\ncomponent = "textbox"\nmaxlength = 3\n',
        "6: models.tickets.inputs.text.maxlength: There is no key 'maxlength'.",
    ),
    "an unknown key with dots": (
        'models.t.task = "generic"\nmodels.t.inputs.text = "textbox"\nmodels.t.bad = 1\n',
        "3: models.t.bad: There is no key 'bad'.",
    ),
    "a key that a text repeats further up": (
        '[models.a]\ntask = "generic"\ntitle = """\nbad = 1\n"""\nbad = 2\ninputs.t = "textbox"\n',
        "6: models.a.bad: There is no key 'bad'.",
    ),
    "a key of a table that comes before its parent": (
        '[models.t.inputs]\na = "textbox"\n\n[models.t]\ntask = "generic"\ntolerance = -1\n',
        "6: models.t.tolerance is -1: it should be greater than or equal to 0.",
    ),
    "a key that is missing where a later model has it": (
        '[models.a]\ntask = "generic"\ninputs.t = "textbox"\n'
        '[models.b]\ninputs.t = "textbox"\n'
        '[models.c]\ntask = "generic"\ninputs.t = "textbox"\n',
        "4: models.b.task is missing.",
    ),
    "a wrong task": (
        '[models.t]\ntask = "text-clasification"\ninputs.text = "textbox"\n',
        "2: models.t.task is 'text-clasification': it should be 'text-classification', 'image-class",
    ),
    "a wrong kind": (
        f'{MODEL}kind = "magic"\ninputs.text = "textbox"\n',
        "4: models.tickets.kind is 'magic': it should be 'sklearn', 'onnx', 'python',",
    ),
    "a wrong component in short form": (
        f'{MODEL}inputs.text = "textbx"\n',
        "4: models.tickets.inputs.text: There is no component 'textbx'. Did you mean 'textbox'? Known",
    ),
    "a wrong component in full form": (
        f'{MODEL}[models.tickets.inputs]\ntext = {{ component = "textbx" }}\n',
        "5: models.tickets.inputs.text: There is no component 'textbx'.",
    ),
    "no component": (
        f'{MODEL}[models.tickets.inputs]\ntext = {{ label = "x" }}\n',
        "5: models.tickets.inputs.text: the key component is missing; use one of textbox, number,",
    ),
    "an input that is a number": (
        f"{MODEL}inputs.text = 5\n",
        "4: models.tickets.inputs.text is 5: the name of a component, or a table with the key component,",
    ),
    "an input named like a component": (
        f'{MODEL}inputs.number = {{ component = "number", foo = 1 }}\n',
        "4: models.tickets.inputs.number.foo: There is no key 'foo'. Known: label, info, required,",
    ),
    "a wrong flag option": (
        f'{MODEL}inputs.text = "textbox"\nflag_options = ["wrong_label", "wrng"]\n',
        "5: models.tickets.flag_options.1 is 'wrng': it should be 'wrong_label', 'wrong_value',",
    ),
    "a flag option twice": (
        f'{MODEL}inputs.text = "textbox"\nflag_options = ["other", "other"]\n',
        "5: models.tickets.flag_options is ['other', 'other']: 'other' stands there twice; name it once.",
    ),
    "no labels": (
        '[models.t]\ntask = "text-classification"\ninputs.text = "textbox"\n',
        "1: models.t: a classification model needs at least two labels; list them in labels.",
    ),
    "one label": (
        '[models.t]\ntask = "text-classification"\nlabels = ["a"]\ninputs.text = "textbox"\n',
        "1: models.t: a classification model needs at least two labels; list them in labels.",
    ),
    "a label twice": (
        '[models.t]\ntask = "text-classification"\nlabels = [\n"a",\n"b","a",\n]\ninputs.text = "textbox"\n',
        "3: models.t.labels is ['a', 'b', 'a']: 'a' stands there twice; name it once.",
    ),
    "an empty label": (
        '[models.t]\ntask = "text-classification"\nlabels = ["a", ""]\ninputs.text = "textbox"\n',
        "3: models.t.labels is ['a', '']: an empty text cannot be chosen; leave it out.",
    ),
    "labels that are numbers": (
        '[models.t]\ntask = "text-classification"\nlabels = ["0", 1]\ninputs.text = "textbox"\n',
        "3: models.t.labels.1 is 1: it should be a valid string.",
    ),
    "labels that are one text": (
        '[models.t]\ntask = "text-classification"\nlabels = "ab"\ninputs.text = "textbox"\n',
        "3: models.t.labels is 'ab': a list is needed.",
    ),
    "a model's name with bad letters": (
        '[models."Bad Name"]\ntask = "generic"\ninputs.text = "textbox"\n',
        "1: models.Bad Name is 'Bad Name': small letters, digits and _ only are needed, a letter first.",
    ),
    "an input's name with bad letters": (
        f'{MODEL}inputs."my-text" = "textbox"\n',
        "4: models.tickets.inputs.my-text is 'my-text': small letters, digits and _ only are needed",
    ),
    "a name given twice": (
        f'{MODEL}name = "other"\ninputs.text = "textbox"\n',
        "1: models: models.tickets is named by its table; leave its key name out.",
    ),
    "a slider without bounds": (
        f'{MODEL}inputs.n = {{ component = "slider", minimum = 3 }}\n',
        "4: models.tickets.inputs.n.maximum is missing.",
    ),
    "a slider whose bounds are the wrong way round": (
        f'{MODEL}inputs.n = {{ component = "slider", minimum = 3, maximum = 1 }}\n',
        "4: models.tickets.inputs.n: minimum must be below maximum.",
    ),
    "a slider that starts outside its bounds": (
        f'{MODEL}inputs.n = {{ component = "slider", minimum = 0, maximum = 1, value = 7 }}\n',
        "4: models.tickets.inputs.n: value must be from minimum to maximum.",
    ),
    "a bound that is not finite": (
        f'{MODEL}inputs.n = {{ component = "slider", minimum = 0, maximum = inf }}\n',
        "4: models.tickets.inputs.n.maximum is inf: it should be a finite number.",
    ),
    "a number whose bounds are the wrong way round": (
        f'{MODEL}inputs.n = {{ component = "number", minimum = 3, maximum = 1 }}\n',
        "4: models.tickets.inputs.n: minimum must not be above maximum.",
    ),
    "a textbox without lines": (
        f'{MODEL}inputs.text = {{ component = "textbox", lines = 0 }}\n',
        "4: models.tickets.inputs.text.lines is 0: it should be greater than or equal to 1.",
    ),
    "an image of another mode": (
        f'{MODEL}inputs.i = {{ component = "image", width = 8, height = 8, mode = "CMYK" }}\n',
        "4: models.tickets.inputs.i.mode is 'CMYK': it should be 'L' or 'RGB'.",
    ),
    "no choices": (
        f'{MODEL}inputs.d = {{ component = "dropdown", choices = [] }}\n',
        "4: models.tickets.inputs.d.choices is []: at least one entry is needed.",
    ),
    "a choice twice": (
        f'{MODEL}inputs.d = {{ component = "radio", choices = ["a", "a"] }}\n',
        "4: models.tickets.inputs.d.choices is ['a', 'a']: 'a' stands there twice; name it once.",
    ),
    "an example with an unknown input": (
        f'{MODEL}inputs.text = "textbox"\nexamples = [\n  {{ text = "x" }},\n  {{ txt = "y" }},\n]\n',
        "5: models.tickets.examples is [{'text': 'x'}, {'txt': 'y'}]: There is no input 'txt'. Did you",
    ),
    "an example with an unknown input in a table of its own": (
        f'{MODEL}inputs.text = "textbox"\n\n[[models.tickets.examples]]\ntxt = "y"\n',
        "6: models.tickets.examples is [{'txt': 'y'}]: There is no input 'txt'.",
    ),
    "trust that is no yes or no": (
        f'{MODEL}trusted = "yes"\ninputs.text = "textbox"\n',
        "4: models.tickets.trusted is 'yes': it should be a valid boolean.",
    ),
    "a title that is a date": (
        f'{MODEL}title = 2020-01-01\ninputs.text = "textbox"\n',
        "4: models.tickets.title is datetime.date(2020, 1, 1): it should be a valid string.",
    ),
    "a misspelt rule": (
        f'{MODEL}inputs.text = "textbox"\nrules = [{{ rule = "low_confidense" }}]\n',
        "5: models.tickets.rules.0: There is no rule 'low_confidense'. Did you mean 'low_confidence'?",
    ),
    "a rule without a name": (
        f'{MODEL}inputs.text = "textbox"\nrules = [{{ below = 0.5 }}]\n',
        "5: models.tickets.rules.0: the key rule is missing; use one of low_confidence, small_margin,",
    ),
    "an unknown key of a rule": (
        f'{MODEL}inputs.text = "textbox"\n[[models.tickets.rules]]\nrule = "slow"\nabove_ms = 5\nabove = 5\n',
        "5: models.tickets.rules.0.above: There is no key 'above'. Did you mean 'above_ms'?",
    ),
    "a rule that compares with nothing": (
        f'{MODEL}inputs.text = "textbox"\nrules = [{{ rule = "disagreement" }}]\n',
        "5: models.tickets.rules.0: either version or model is needed, to compare with.",
    ),
    "a rule that compares with an unknown model": (
        f'{MODEL}inputs.text = "textbox"\nrules = [{{ rule = "disagreement", model = "tickts" }}]\n',
        "1: models: models.tickets.rules: There is no other model 'tickts'.",
    ),
    "a rule that compares with another program's model": (
        f'{MODEL}inputs.text = "textbox"\nrules = [{{ rule = "disagreement", model = "away" }}]\n'
        '[models.away]\ntask = "generic"\nkind = "external"\ninputs.text = "textbox"\n',
        "1: models: models.tickets.rules compares with away, which another program runs.",
    ),
    "an unknown output": (
        f'{MODEL}inputs.text = "textbox"\noutputs.answer = "labl"\n',
        "5: models.tickets.outputs.answer: There is no component 'labl'. Did you mean 'label'?",
    ),
    "a classifier that answers no label": (
        f'{MODEL}inputs.text = "textbox"\noutputs.answer = "text"\n',
        '1: models.tickets: a classification model needs an output with the component "label".',
    ),
    "an endpoint without an address": (
        f'{MODEL}kind = "http"\ninputs.text = "textbox"\n',
        '1: models.tickets: kind = "http" and a table http with the url go together.',
    ),
    "an unknown key of an endpoint": (
        f'{MODEL}kind = "http"\ninputs.text = "textbox"\nhttp = {{ url = "http://x", retry = 1 }}\n',
        "6: models.tickets.http.retry: There is no key 'retry'. Did you mean 'retries'?",
    ),
    "an address that is a file": (
        f'{MODEL}kind = "http"\ninputs.text = "textbox"\nhttp.url = "file:///etc/passwd"\n',
        "6: models.tickets.http.url is 'file:///etc/passwd': it should be an address that starts with",
    ),
    "half of a share": (
        f'{MODEL}inputs.text = "textbox"\nledger = 1.5\n',
        '5: models.tickets.ledger is 1.5: "all", "none" or a share between 0 and 1 is needed.',
    ),
    "a picture without a height": (
        f'{MODEL}inputs.x = {{ component = "image", width = 8 }}\n',
        "4: models.tickets.inputs.x: width and height go together; give both or neither.",
    ),
    "a picture of any size for scikit-learn": (
        f'{MODEL}inputs.x = "image"\n',
        "1: models.tickets: scikit-learn takes pictures of one size; give the image width and height.",
    ),
    "no inputs": (MODEL, "1: models.tickets.inputs is missing."),
    "an empty table of inputs": (
        f"{MODEL}[models.tickets.inputs]\n",
        "4: models.tickets.inputs: at least one entry is needed.",
    ),
    "inputs that are no table": (
        f"{MODEL}inputs = true\n",
        "4: models.tickets.inputs is True: a table is needed.",
    ),
    "a model that is no table": (
        'models.t = "model.skops"\n',
        "1: models.t is 'model.skops': a table is needed.",
    ),
    "models as a list": ("[[models]]\ntask = 1\n", "1: models is [{'task': 1}]: a table is needed."),
    "an empty table of models": ('title = "x"\n[models]\n', "2: models: at least one entry is needed."),
    "an empty file": ("", "1: models is missing; add a table [models.NAME] with task and inputs."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line_its_key_and_what_works(tmp_path: Path, mistake: str) -> None:
    text, sentence = MISTAKES[mistake]
    (found,) = find_mistakes(tmp_path, text)
    assert found.startswith(sentence)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_model_cannot_hide_a_table(tmp_path: Path, name: str) -> None:
    text = f'[models.{name}]\ntask = "generic"\ninputs.text = "textbox"\n'
    (found,) = find_mistakes(tmp_path, text)
    assert found.endswith(f"the name '{name}' is taken by a table; choose another.")


def test_every_mistake_is_reported_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = 'bad = 1\n[models.a]\ntask = "g"\n[models.b]\ninputs.text = "textbox"\n'
    found = find_mistakes(tmp_path, text)
    assert [each.split(" ")[0:2] for each in found] == [
        ["1:", "bad:"],
        ["2:", "models.a.inputs"],
        ["3:", "models.a.task"],
        ["4:", "models.b.task"],
    ]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = f'{MODEL}title = "line\u2028separator \x85"\nbad = 1\ninputs.text = "textbox"\n'
    (found,) = find_mistakes(tmp_path, text)
    assert found.startswith("5: models.tickets.bad:")


def test_a_file_with_windows_line_ends_has_the_same_lines(tmp_path: Path) -> None:
    text = (MODEL + 'bad = 1\ninputs.text = "textbox"\n').replace("\n", "\r\n")
    (tmp_path / "reviewer.toml").write_bytes(text.encode())
    with pytest.raises(ConfigError, match=r"line 4: models\.tickets\.bad"):
        load_config(tmp_path)


@pytest.mark.parametrize("key", ["inputs.text", "flag_options", "title_of_it", "trusted"])
def test_a_long_wrong_value_is_shown_in_part(tmp_path: Path, key: str) -> None:
    mistakes = find_mistakes(tmp_path, f'{MODEL}{key} = "{"x" * 5000}"\n')
    assert all(len(each) < 500 for each in mistakes)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = \n", r"is not valid TOML: Invalid value \(at line 1, column 9\)\."),
        (MODEL + 'task = "generic"\n', r"is not valid TOML: Cannot overwrite a value \(at line 4,"),
        ("a = " + "[" * 9999 + "]" * 9999, "is not valid TOML: it is nested too deeply"),
    ],
)
def test_broken_toml_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path, text)


def test_a_folder_without_the_file_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"is not a workspace: it has no reviewer\.toml\. Run `reviewer demo"
    ):
        load_config(tmp_path)


def test_a_file_that_is_no_utf_8_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").write_bytes('title = "\xe4"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"reviewer\.toml cannot be read: .*utf-8"):
        load_config(tmp_path)


def test_a_folder_of_that_name_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reviewer.toml").mkdir()
    with pytest.raises(ConfigError, match=r"reviewer\.toml cannot be read: .*directory"):
        load_config(tmp_path)


def test_a_regression_needs_no_labels() -> None:
    spec = ModelSpec.model_validate({"name": "n", "task": "tabular-regression", "inputs": {"x": "number"}})
    assert spec.labels == ()
