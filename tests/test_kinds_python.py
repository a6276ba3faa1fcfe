"""Python models: functions and classes, imported only with trust, each version from its own source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from reviewer.config import ModelSpec
from reviewer.errors import ConfigError, ModelError, UntrustedModelError
from reviewer.models.kinds import Answer, find_source
from reviewer.models.versions import ModelVersions


def make_spec(task: str = "text-classification", **given: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "model", "task": task, "kind": "python", "inputs": {"text": "textbox"}, "trusted": True,
    }  # fmt: skip
    if task.endswith("-classification"):
        fields["labels"] = ["login", "refund"]
    return ModelSpec.model_validate(fields | given)


def answer(spec: ModelSpec, folder: Path, *examples: dict[str, Any]) -> list[Answer]:
    versions = ModelVersions(folder, spec)
    return versions.answer(versions.find(), examples)


def write_module(folder: Path, source: str) -> str:
    """Write a module that only this test can import, and return its name."""
    name = f"module_of_{folder.name}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return name


def make_model(
    folder: Path, source: str, name: str = "Model", task: str = "generic", **given: Any
) -> ModelSpec:
    return make_spec(task, path=f"{write_module(folder, source)}:{name}", **given)


def answer_text(folder: Path, text: str, task: str) -> Answer:
    """Return what a function answers that returns the value of the Python text."""
    source = "import numpy as np\n\ndef answer(text):\n    return eval(text)\n"
    (found,) = answer(make_model(folder, source, "answer", task), folder, {"text": text})
    return found


# Functions


def test_a_function_gets_the_inputs_by_name_one_example_at_a_time(tmp_path: Path) -> None:
    spec = make_model(
        tmp_path, "def spell(text, count):\n    return text * int(count)\n", "spell", "text-generation",
        inputs={"count": "number", "text": "textbox"},
    )  # fmt: skip
    found = answer(spec, tmp_path, {"text": "a", "count": 2.0}, {"text": "b", "count": 3.0})
    assert found == [Answer(output="aa"), Answer(output="bbb")]


@pytest.mark.parametrize(
    ("task", "text", "wanted"),
    [
        ("text-classification", "'login'", Answer(label="login")),
        ("text-classification", "np.str_('login')", Answer(label="login")),
        (
            "text-classification",
            "{'login': 0.25, 'refund': 0.75}",
            Answer(label="refund", confidence=0.75, scores={"refund": 0.75, "login": 0.25}),
        ),
        (
            "text-classification",
            "{'login': np.float32(1.0000001)}",
            Answer(label="login", confidence=1.0, scores={"login": 1.0}),
        ),
        ("tabular-regression", "2", Answer(value=2.0)),
        ("tabular-regression", "np.float32(0.5)", Answer(value=0.5)),
        ("tabular-regression", "np.array([0.5])", Answer(value=0.5)),
        ("text-generation", "'42'", Answer(output="42")),
        ("text-generation", "'nan'", Answer(output="nan")),
        ("text-generation", "''", Answer(output="")),
        ("generic", "{'a': [1, None, (2,)]}", Answer(output={"a": [1, None, [2]]})),
        ("generic", "True", Answer(output=True)),
        ("generic", "7", Answer(output=7)),
    ],
)
def test_what_a_function_returns_is_an_answer_of_its_task(
    tmp_path: Path, task: str, text: str, wanted: Answer
) -> None:
    assert answer_text(tmp_path, text, task) == wanted


@pytest.mark.parametrize(
    ("task", "text", "sentence"),
    [
        ("text-classification", "{}", "an empty dict; give label → probability"),
        ("text-classification", "None", "the label None; a text is needed"),
        ("text-classification", "'spam'", "the label 'spam', which is none of its labels"),
        ("text-classification", "{'spam': 1.0}", "the label 'spam', which is none of its labels"),
        ("text-classification", "{'login': 3.2}", "probabilities from 0 to 1 are needed"),
        ("text-classification", "{'login': -0.1}", "probabilities from 0 to 1 are needed"),
        ("text-classification", "{'login': float('nan')}", "probabilities from 0 to 1 are needed"),
        ("tabular-regression", "'5'", "'5'; a number is needed"),
        ("tabular-regression", "True", "True; a number is needed"),
        ("tabular-regression", "float('inf')", "inf; a finite number is needed"),
        ("tabular-regression", "[1, 2]", "[1, 2]; a number is needed"),
        ("generic", "None", "None; a JSON value is needed"),
        ("generic", "object", "<class 'object'>; a JSON value is needed"),
        ("generic", "{'a': float('nan')}", "{'a': nan}; a JSON value is needed"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure_in_a_sentence(
    tmp_path: Path, task: str, text: str, sentence: str
) -> None:
    with pytest.raises(ModelError) as caught:
        answer_text(tmp_path, text, task)
    assert str(caught.value).startswith("model answered ")
    assert sentence in str(caught.value)


# Trust


def test_nothing_of_a_module_is_run_without_trust(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    package = tmp_path / f"package_of_{tmp_path.name}"
    package.mkdir()
    source = f"import pathlib\n\npathlib.Path({str(ran)!r}).touch()\n\ndef answer(text):\n    return text\n"
    for name in ("__init__.py", "inner.py"):
        (package / name).write_text(source)
    spec = make_spec(path=f"{package.name}.inner:answer", trusted=False)
    versions = ModelVersions(tmp_path, spec)
    assert versions.find().path.read_bytes() == (package / "inner.py").read_bytes()
    with pytest.raises(UntrustedModelError, match=r"inner:answer'; if you trust it, set trusted = true"):
        versions.load(versions.find())
    assert not ran.exists()
    assert answer(spec.model_copy(update={"trusted": True}), tmp_path, {"text": "login"})
    assert ran.exists()


# Finding


def test_modules_of_the_workspace_are_within_reach_only_while_importing(tmp_path: Path) -> None:
    helper = f"helper_of_{tmp_path.name}"
    (tmp_path / f"{helper}.py").write_text("WORD = 'found'")
    spec = make_model(tmp_path, f"import {helper}\n\ndef answer(text):\n    return {helper}.WORD\n", "answer")
    before = list(sys.path)
    assert answer(spec, tmp_path, {"text": ""}) == [Answer(output="found")]
    assert sys.path == before


def test_a_module_in_a_package_imports_its_neighbours(tmp_path: Path) -> None:
    package = tmp_path / f"package_of_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORD = 'beside'")
    (package / "model.py").write_text("from .words import WORD\n\ndef answer(text):\n    return WORD\n")
    spec = make_spec("generic", path=f"{package.name}.model:answer")
    assert answer(spec, tmp_path, {"text": ""}) == [Answer(output="beside")]


def test_a_module_knows_its_own_file_and_name(tmp_path: Path) -> None:
    source = "def answer(text):\n    return [__file__, __name__]\n"
    spec = make_model(tmp_path, source, "answer")
    name = f"module_of_{tmp_path.name}"
    assert answer(spec, tmp_path, {"text": ""}) == [Answer(output=[str(tmp_path / f"{name}.py"), name])]


def test_the_source_is_found_where_the_module_stands(tmp_path: Path) -> None:
    spec = make_model(tmp_path, "answer = len", "answer")
    source = find_source(spec, tmp_path)
    assert source is not None
    assert source.path == tmp_path / f"module_of_{tmp_path.name}.py"


@pytest.mark.parametrize(
    "path",
    ["no_such_module:answer", "sys:exit", "no.such:answer", "", ":answer", ".relative:answer", "a..b:c"],
)
def test_a_module_that_does_not_exist_is_a_mistake_in_the_config(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=r"but there is no module .* write module:function or module:Class"):
        find_source(make_spec(path=path), tmp_path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "cannot be imported"),
        ("missing", "AttributeError"),
        ("NUMBER", "is no function or class"),
        ("Empty", "a class without predict, predict_proba or predict_batch"),
        ("Greedy", "a class whose constructor needs first, second"),
        ("Failing", r"cannot be imported \(OSError: no weights\)"),
        ("later", "which is async; write a plain function"),
        ("other", r"takes \(words\), but is called with the inputs by name \(text\)"),
    ],
)
def test_a_name_that_cannot_answer_is_a_mistake_in_the_config(
    tmp_path: Path, name: str, sentence: str
) -> None:
    versions = ModelVersions(tmp_path, make_model(tmp_path, NAMES, name))
    with pytest.raises(ConfigError, match=sentence):
        versions.load(versions.find())


NAMES = """
NUMBER = 5

class Empty:
    pass

class Greedy:
    def __init__(self, first, second):
        pass

    def predict(self, text):
        return text

class Failing:
    def __init__(self):
        raise OSError("no weights")

    def predict(self, text):
        return text

async def later(text):
    return text

def other(words):
    return words
"""


@pytest.mark.parametrize("text", ["def answer(:", "1 / 0", "raise KeyError('x')", "raise SystemExit(3)"])
def test_a_module_that_fails_while_it_is_imported_is_named(tmp_path: Path, text: str) -> None:
    versions = ModelVersions(tmp_path, make_model(tmp_path, text, "answer"))
    name = f"module_of_{tmp_path.name}"
    with pytest.raises(ConfigError, match=rf"'{name}:answer', which cannot be imported \(\w+: "):
        versions.load(versions.find())
    assert name not in sys.modules


# Classes


def test_a_class_is_instantiated_once(tmp_path: Path) -> None:
    source = """
class Model:
    made = 0

    def __init__(self, factor=2):
        Model.made += 1
        self.factor = factor

    def predict(self, text):
        return [Model.made, self.factor, text]
"""
    versions = ModelVersions(tmp_path, make_model(tmp_path, source))
    for _ in range(3):
        assert versions.answer(versions.find(), [{"text": "a"}]) == [Answer(output=[1, 2, "a"])]


def test_a_class_with_one_parameter_gets_the_folder_of_its_version(tmp_path: Path) -> None:
    source = """
class Model:
    def __init__(self, folder):
        self.folder = folder

    def predict(self, text):
        return sorted(each.name for each in self.folder.iterdir())
"""
    assert answer(make_model(tmp_path, source), tmp_path, {"text": ""}) == [
        Answer(output=["card.json", "source.py"])
    ]


def test_probabilities_are_preferred_to_a_bare_label(tmp_path: Path) -> None:
    source = """
class Model:
    def predict(self, text):
        return "login"

    def predict_proba(self, text):
        return {"login": 0.25, "refund": 0.75}
"""
    (found,) = answer(make_model(tmp_path, source, task="text-classification"), tmp_path, {"text": ""})
    assert (found.label, found.confidence) == ("refund", 0.75)


BATCHES = """
class Model:
    sizes = []

    def predict_batch(self, examples):
        Model.sizes.append(len(examples))
        return [Model.sizes[-1] for each in examples]
"""


def test_a_class_that_takes_many_examples_gets_at_most_a_thousand_at_once(tmp_path: Path) -> None:
    found = answer(make_model(tmp_path, BATCHES), tmp_path, *([{"text": ""}] * 2500))
    assert [each.output for each in found] == [1000] * 2000 + [500] * 500


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("[1]", "gave 1 answers to 2 examples"),
        ("[1, 2, 3]", "gave 3 answers to 2 examples"),
        ("{'a': 1, 'b': 2}", "answered dict to 2 examples; a list is needed"),
        ("'ab'", "answered str to 2 examples; a list is needed"),
        ("None", "answered NoneType to 2 examples; a list is needed"),
    ],
)
def test_a_batch_of_answers_that_does_not_fit_is_a_failure(
    tmp_path: Path, returned: str, sentence: str
) -> None:
    source = f"class Model:\n    def predict_batch(self, examples):\n        return {returned}\n"
    with pytest.raises(ModelError, match=sentence):
        answer(make_model(tmp_path, source), tmp_path, {"text": ""}, {"text": ""})


def test_an_object_of_a_module_answers_like_one_of_a_class(tmp_path: Path) -> None:
    source = "class Loud:\n    def predict(self, text):\n        return text.upper()\n\nloud = Loud()\n"
    assert answer(make_model(tmp_path, source, "loud"), tmp_path, {"text": "a"}) == [Answer(output="A")]


# Versions


def test_each_version_runs_the_source_that_it_was_made_of(tmp_path: Path) -> None:
    spec = make_model(tmp_path, "def answer(text):\n    return 'first'\n", "answer")
    versions = ModelVersions(tmp_path, spec)
    first = versions.find()
    write_module(tmp_path, "def answer(text):\n    return 'after'\n")
    later = ModelVersions(tmp_path, spec)
    assert later.answer(later.find("1"), [{"text": ""}]) == [Answer(output="first")]
    assert versions.answer(first, [{"text": ""}]) == [Answer(output="first")]


def test_a_version_runs_when_the_file_that_it_was_made_of_is_gone(tmp_path: Path) -> None:
    spec = make_model(tmp_path, "def answer(text):\n    return 'kept'\n", "answer")
    ModelVersions(tmp_path, spec).find()
    (tmp_path / f"module_of_{tmp_path.name}.py").unlink()
    assert answer(spec, tmp_path, {"text": ""}) == [Answer(output="kept")]


def test_an_installed_module_is_imported_as_it_is_and_refused_when_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, workspace = tmp_path / "installed", tmp_path / "workspace"
    installed.mkdir()
    workspace.mkdir()
    monkeypatch.syspath_prepend(installed)
    spec = make_model(installed, "def answer(text):\n    return 'installed'\n", "answer")
    spec = spec.model_copy(update={"path": f"module_of_{installed.name}:answer"})
    assert answer(spec, workspace, {"text": ""}) == [Answer(output="installed")]
    module = sys.modules[f"module_of_{installed.name}"]
    assert answer(spec, workspace, {"text": ""}) == [Answer(output="installed")]
    assert sys.modules[f"module_of_{installed.name}"] is module
    write_module(installed, "def answer(text):\n    return 'another'\n")
    versions = ModelVersions(workspace, spec)
    with pytest.raises(ModelError, match=r"which has changed since; serve the version that was made of it"):
        versions.load(versions.find("1"))


def test_a_module_of_python_itself_is_left_as_it_is(tmp_path: Path) -> None:
    spec = make_spec("generic", path="posixpath:basename", inputs={"p": "textbox"})
    module = sys.modules["posixpath"]
    assert answer(spec, tmp_path, {"p": "a/b"}) == [Answer(output="b")]
    assert sys.modules["posixpath"] is module


def test_a_workspace_that_was_within_reach_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.path)
    answer(make_model(tmp_path, "def answer(text):\n    return 1\n", "answer"), tmp_path, {"text": ""})
    assert sys.path == before


def test_a_model_that_ends_the_program_only_fails(tmp_path: Path) -> None:
    source = "import sys\n\ndef answer(text):\n    exec(text)\n    return text\n"
    spec = make_model(tmp_path, source, "answer")
    for text in ("sys.exit(3)", "raise KeyboardInterrupt", "raise GeneratorExit"):
        with pytest.raises(ModelError, match="model tried to end the program"):
            answer(spec, tmp_path, {"text": text})


def test_an_error_whose_message_fails_is_named_by_its_class(tmp_path: Path) -> None:
    source = """
class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

def answer(text):
    raise Mute
"""
    with pytest.raises(ModelError, match=r"model version 1 failed: Mute$"):
        answer(make_model(tmp_path, source, "answer"), tmp_path, {"text": ""})


def test_a_long_traceback_is_recorded_only_at_its_end(tmp_path: Path) -> None:
    source = "def answer(text):\n    raise ValueError('x' * 50_000 + 'the end')\n"
    with pytest.raises(ModelError) as caught:
        answer(make_model(tmp_path, source, "answer"), tmp_path, {"text": ""})
    assert len(caught.value.details) <= 20_000
    assert caught.value.details.rstrip().endswith("the end")
    assert len(str(caught.value)) < 500
