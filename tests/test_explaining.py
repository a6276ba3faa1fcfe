"""What drove an answer: places in texts, parts that add up, and what is asked again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from builders import make_flag
from endpoint import Request, as_json, run_endpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from reviewer.config import ModelSpec
from reviewer.errors import ModelError
from reviewer.models.explaining import Case, CellFeature, Features, PatchFeature, TextFeature, explain
from reviewer.models.explaining.features import UnexplainedError
from reviewer.models.explaining.occlusion import MOST_PROBES
from reviewer.models.explaining.spans import find_pieces, find_units, gather_pieces
from reviewer.models.kinds import build_batch
from reviewer.models.versions import ModelVersions

TEXTS = [
    "give my money back",
    "refund this order please",
    "i want a refund, money back now",
    "cannot sign in",
    "the password is wrong",
    "sign in does not work",
    "where is my parcel",
    "the parcel is not here yet",
]
LABELS = ["refund", "refund", "refund", "login", "login", "login", "delivery", "delivery"]
TWO = [each if each == "refund" else "other" for each in LABELS]

ROWS = [
    {"size": size, "weight": weight, "kind": kind}
    for size, weight, kind in zip(
        [1.0, 2.0, 8.0, 9.0, 3.0, 7.0, 4.0, 6.0, 2.5, 8.5, 1.5, 5.5],
        [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0, 8.0],
        ["a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"],
        strict=True,
    )
]
CLASSES = [["small", "middle", "large"][(row["size"] > 3) + (row["size"] > 7)] for row in ROWS]  # type: ignore[operator]
VALUES = [3 * row["size"] - row["weight"] + 10 * (row["kind"] == "a") for row in ROWS]  # type: ignore[operator]


def make_spec(task: str, inputs: dict[str, Any], **given: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {"name": "model", "task": task, "inputs": inputs, "trusted": True} | given
    )


TEXT_SPEC = make_spec(
    "text-classification", {"text": "textbox"}, labels=[*sorted(set(LABELS)), "other"], path="model.skops"
)
CELLS: dict[str, Any] = {
    "size": "number",
    "weight": "number",
    "kind": {"component": "dropdown", "choices": ["a", "b", "c"]},
}
ROW_SPEC = make_spec("tabular-classification", CELLS, labels=["small", "middle", "large"], path="model.skops")
VALUE_SPEC = make_spec("tabular-regression", CELLS, path="model.skops")


class Model:
    """A fitted estimator as the only version of a model, and the estimator itself."""

    def __init__(self, folder: Path, spec: ModelSpec, estimator: Any, examples: Any, right: Any) -> None:
        self.estimator = estimator.fit(build_batch(spec, examples), right)
        skops.io.dump(self.estimator, folder / "model.skops")
        self.versions = ModelVersions(folder, spec)

    def explain(self, example: dict[str, Any], background: Sequence[dict[str, Any]] = ()) -> Features:
        found = ask(self.versions, example, background)
        assert found is not None
        return found

    def score(self, example: dict[str, Any], label: str | None = None) -> float:
        """Return the decision for the label, or the value, as the estimator itself gives it."""
        batch = build_batch(self.versions.spec, [example])
        if label is None:
            return float(self.estimator.predict(batch)[0])
        decision = np.ravel(self.estimator.decision_function(batch))
        place = list(self.estimator.classes_).index(label)
        return float(decision[place] if len(decision) > 1 else decision[0] * (1 if place else -1))


def ask(
    versions: ModelVersions, example: dict[str, Any], background: Sequence[dict[str, Any]] = (), **fields: Any
) -> Features | None:
    version = versions.find()
    [answer] = versions.answer(version, [example])
    said = {"predicted_label": answer.label, "predicted_value": answer.value, "inputs": example}
    return explain(versions, version, make_flag(**{**said, **fields}), Case(example, example, background))


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Model]:
    """Make a model of texts or rows from an unfitted estimator."""

    def fit_model(estimator: Any, right: Sequence[Any] = LABELS, spec: ModelSpec = TEXT_SPEC) -> Model:
        examples = [{"text": text} for text in TEXTS] if spec is TEXT_SPEC else ROWS
        return Model(tmp_path, spec, estimator, examples, list(right))

    return fit_model


def sum_weights(features: Features) -> float:
    return sum(each.weight for each in features.items)


def find_weights(features: Features) -> dict[str, float]:
    """Return word or input → weight; of a word that stands there twice, the last."""
    return {
        each.text if isinstance(each, TextFeature) else each.input: each.weight for each in features.items
    }


# Places in texts

VECTORISERS: dict[str, Callable[[], Any]] = {
    "words": lambda: CountVectorizer(),
    "pairs": lambda: CountVectorizer(ngram_range=(1, 2)),
    "stop words": lambda: CountVectorizer(ngram_range=(1, 3), stop_words=["the", "не"]),
    "groups": lambda: CountVectorizer(token_pattern=r"(?u)(\w)\w*"),  # noqa: S106  no password
    "spaces": lambda: CountVectorizer(token_pattern=r"\S+", lowercase=False),  # noqa: S106
    "maybe nothing": lambda: CountVectorizer(token_pattern=r"\w*"),  # noqa: S106
    "accents": lambda: CountVectorizer(strip_accents="unicode", ngram_range=(2, 2)),
    "ascii": lambda: CountVectorizer(strip_accents="ascii"),
    "characters": lambda: CountVectorizer(analyzer="char", ngram_range=(1, 4)),
    "characters in words": lambda: CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
    "long characters in words": lambda: CountVectorizer(analyzer="char_wb", ngram_range=(4, 6)),
}

ODD_TEXTS = [
    "",
    " ",
    "a",
    "the The THE don't can't e-mail",
    "Не могу войти! Не могу  войти?",
    "Straße İstanbul ﬁne café cafe\u0301 й и\u0306",
    "ΟΔΟΣ ὈΔΥΣΣΕΎΣ.",
    "👍🏽 money 👨‍👩‍👧 back",
    "返金してください 환불해 주세요",
    "tab\there\n\nnew   line\u00a0\u3000wide",
    "हिन्दी में लिखा",
    "\u0301lonely",
]


@pytest.mark.parametrize("name", VECTORISERS)
@pytest.mark.parametrize("text", ODD_TEXTS)
def test_ngrams_of_odd_texts_stand_where_they_came_from(name: str, text: str) -> None:
    check_units(VECTORISERS[name](), text)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(VECTORISERS)), st.text(max_size=60))
def test_ngrams_of_any_text_stand_where_they_came_from(name: str, text: str) -> None:
    check_units(VECTORISERS[name](), text)


def check_units(vectoriser: Any, text: str) -> None:
    """Check that the units of each n-gram, made ready by the vectoriser itself, are in the n-gram."""
    prepare = vectoriser.build_preprocessor()
    try:
        units = find_units(vectoriser, text)
    except UnexplainedError:
        assert "".join(map(prepare, text)) != prepare(text)
        return
    assert set(units) == set(vectoriser.build_analyzer()(text))
    for ngram, spans in units.items():
        for start, end in spans:
            assert 0 <= start < end <= len(text)
            assert not text[start:end].isspace()
            assert Counter(ngram.casefold()) & Counter(prepare(text[start:end]).casefold()) or not ngram


def test_a_word_is_found_again_under_capitals_and_accents() -> None:
    vectoriser = CountVectorizer(strip_accents="unicode")
    text = "👍 Ёлка, CAFÉ и cafe\u0301"
    units = find_units(vectoriser, text)
    assert {ngram: [text[start:end] for start, end in spans] for ngram, spans in units.items()} == {
        "елка": ["Ёлка"],
        "cafe": ["CAFÉ", "cafe"],
    }


@pytest.mark.parametrize(
    "vectoriser",
    [
        CountVectorizer(tokenizer=str.split, token_pattern=None),
        CountVectorizer(preprocessor=str.upper),
        CountVectorizer(analyzer=str.split),
        CountVectorizer(input="filename"),
    ],
    ids=["tokenizer", "preprocessor", "analyzer", "file"],
)
def test_a_vectoriser_with_code_of_its_own_is_not_guessed_at(vectoriser: Any) -> None:
    with pytest.raises(UnexplainedError):
        find_units(vectoriser, "money back")


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("I don't like e-mail.", ["I", "don't", "like", "e-mail", "."]),
        ("«Не работает», №7!?", ["«", "Не", "работает", "»,", "№", "7", "!?"]),
        ("返金して ok", ["返", "金", "し", "て", "ok"]),
        ("  ", []),
        ("👍🏽 3.14", ["👍🏽", "3.14"]),
    ],
)
def test_a_text_is_shown_in_words(text: str, pieces: list[str]) -> None:
    assert [text[start:end] for start, end in find_pieces(text)] == pieces


def test_effects_of_characters_add_up_to_those_of_their_words() -> None:
    text = "no (money)"
    effects = [((place, place + 1), 1.0) for place, letter in enumerate(text) if letter != " "]
    assert gather_pieces(text, effects) == {(0, 2): 2.0, (3, 4): 1.0, (4, 9): 5.0, (9, 10): 1.0}
    assert gather_pieces(text, [((3, 10), 1.0)]) == {(4, 9): 1.0}


# Weights × values

LINEAR: dict[str, Callable[[], Any]] = {
    "words": lambda: make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)),
    "pairs": lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10)),
    "characters": lambda: make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LinearSVC()),
    "two steps": lambda: make_pipeline(CountVectorizer(), TfidfTransformer(), SGDClassifier(random_state=0)),
    "selection": lambda: make_pipeline(CountVectorizer(), SelectKBest(chi2, k=15), LogisticRegression()),
    "union": lambda: make_pipeline(
        make_union(CountVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 2))),
        LogisticRegression(),
    ),
    "search": lambda: GridSearchCV(
        make_pipeline(CountVectorizer(), LogisticRegression()), {"logisticregression__C": [1, 10]}, cv=2
    ),
}


@pytest.mark.parametrize("right", [LABELS, TWO], ids=["three", "two"])
@pytest.mark.parametrize("name", LINEAR)
def test_the_weights_of_words_add_up_to_the_score(
    name: str, right: list[str], fit: Callable[..., Model]
) -> None:
    model = fit(LINEAR[name](), right)
    for text in ("Refund my MONEY!", "the parcel, sign"):
        features = model.explain({"text": text})
        assert features.method == "weights"
        nothing = model.score({"text": ""}, features.label)
        expected = model.score({"text": text}, features.label) - nothing
        assert sum_weights(features) == pytest.approx(expected, abs=0.03 * abs(expected))
        for each in features.items:
            assert isinstance(each, TextFeature)
            assert text[each.start : each.end] == each.text


def test_a_word_that_speaks_for_the_answer_weighs_more_than_zero(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)), TWO)
    for text in ("refund the parcel", "the refund is not a parcel, sign in"):
        features = model.explain({"text": text})
        sign = 1 if features.label == "refund" else -1
        weights = find_weights(features)
        assert weights["refund"] * sign > 0 > weights["parcel"] * sign


def test_an_estimator_whose_insides_hang_is_left_after_the_models_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, ended = TEXT_SPEC.model_copy(update={"timeout": 0.1}), threading.Event()
    examples = [{"text": text} for text in TEXTS]
    versions = Model(tmp_path, spec, make_pipeline(TfidfVectorizer(), LinearSVC()), examples, LABELS).versions
    monkeypatch.setattr("reviewer.models.explaining.weigh_columns", lambda *given: ended.wait(60))
    flag = make_flag(predicted_label="refund", inputs=examples[0])
    with pytest.raises(ModelError, match=r"took longer than its timeout of 0\.1 s"):
        explain(versions, versions.find(), flag, Case(examples[0], examples[0], ()))
    ended.set()


def test_a_word_that_stands_there_twice_shares_its_weight(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(CountVectorizer(), LogisticRegression()))
    first, second = (
        each for each in model.explain({"text": "refund? REFUND"}).items if isinstance(each, TextFeature)
    )
    assert first.weight == second.weight
    assert {first.start, second.start} == {0, 8}


def test_a_calibrated_model_is_explained_by_the_mean_of_its_parts(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(TfidfVectorizer(), CalibratedClassifierCV(LinearSVC(), cv=2)))
    features = model.explain({"text": "money back"})
    assert features.method == "weights"
    rows = model.estimator[0].transform(["money back"])
    parts = [each.estimator for each in model.estimator[1].calibrated_classifiers_]
    place = list(model.estimator.classes_).index(features.label)
    expected = np.mean([(rows @ each.coef_.T)[0, place] for each in parts])
    assert sum_weights(features) == pytest.approx(expected)


def make_columns() -> Any:
    return make_column_transformer(
        (StandardScaler(), ["size"]), (OneHotEncoder(), ["kind"]), ("passthrough", ["weight"])
    )


CELL_STEPS: dict[str, Callable[[], list[Any]]] = {
    "columns": lambda: [make_columns()],
    "one-hot without the first": lambda: [
        make_column_transformer((OneHotEncoder(drop="first"), ["kind"]), remainder=MinMaxScaler())
    ],
    "nested": lambda: [
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), slice(0, 2)),
            (OneHotEncoder(sparse_output=False), [2]),
        ).set_output(transform="pandas")
    ],
    "twice": lambda: [make_columns(), StandardScaler(with_mean=False)],
}


@pytest.mark.parametrize("name", CELL_STEPS)
def test_the_weights_of_cells_add_up_to_the_distance_from_the_mean(
    name: str, fit: Callable[..., Model]
) -> None:
    model = fit(make_pipeline(*CELL_STEPS[name](), LogisticRegression()), CLASSES, ROW_SPEC)
    features = model.explain(ROWS[3], ROWS)
    mean = np.mean([model.score(row, features.label) for row in ROWS])
    assert features.method == "weights"
    assert sum_weights(features) == pytest.approx(model.score(ROWS[3], features.label) - mean, rel=0.02)


def test_a_linear_value_is_explained_in_its_unit(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(make_columns(), LinearRegression()), VALUES, VALUE_SPEC)
    features = model.explain({"size": 9.0, "weight": 2.0, "kind": "a"}, ROWS)
    size, weight = (float(np.mean([row[name] for row in ROWS])) for name in ("size", "weight"))
    assert features.label is None
    assert find_weights(features) == pytest.approx(
        {"size": 3 * (9 - size), "weight": -(2 - weight), "kind": 10 * (1 - 4 / 12)}
    )
    values = {each.input: each.value for each in features.items if isinstance(each, CellFeature)}
    assert values == {"size": 9.0, "weight": 2.0, "kind": "a"}


def test_texts_and_cells_of_one_model_are_explained_together(tmp_path: Path) -> None:
    columns = make_column_transformer((TfidfVectorizer(), "text"), (StandardScaler(), ["size"]))
    spec = make_spec(
        "text-classification", {"size": "number", "text": "textbox"}, labels=sorted(set(LABELS)),
        path="model.skops",
    )  # fmt: skip
    rows = [{"size": float(number), "text": text} for number, text in enumerate(TEXTS)]
    model = Model(tmp_path, spec, make_pipeline(columns, LogisticRegression(C=10)), rows, LABELS)
    features = model.explain({"size": 7.0, "text": "the parcel"}, rows)
    assert features.method == "weights"
    assert {"parcel", "size"} <= set(find_weights(features)) <= {"the", "parcel", "size"}


@pytest.mark.parametrize(
    ("estimator", "right", "spec"),
    [
        (make_pipeline(make_columns(), SVC(kernel="linear")), CLASSES, ROW_SPEC),
        (make_pipeline(make_columns(), PoissonRegressor()), [abs(each) for each in VALUES], VALUE_SPEC),
        (make_pipeline(make_columns(), PolynomialFeatures(2), LinearRegression()), VALUES, VALUE_SPEC),
        (make_pipeline(make_columns(), KernelRidge(kernel="rbf")), VALUES, VALUE_SPEC),
        (make_pipeline(make_columns(), AdaBoostClassifier(n_estimators=3)), CLASSES, ROW_SPEC),
        (make_pipeline(make_columns(), GradientBoostingClassifier(n_estimators=3)), CLASSES, ROW_SPEC),
        (make_pipeline(TfidfVectorizer(), MultinomialNB()), LABELS, TEXT_SPEC),
    ],
    ids=["pairwise", "exponential", "polynomial", "kernel", "boosted", "gradient", "bayes"],
)
def test_what_does_not_add_up_is_asked_again_instead(
    estimator: Any, right: list[Any], spec: ModelSpec, fit: Callable[..., Model]
) -> None:
    example = {"text": "money back"} if spec is TEXT_SPEC else ROWS[3]
    features = fit(estimator, right, spec).explain(example, () if spec is TEXT_SPEC else ROWS)
    assert features.method == "occlusion"
    assert features.items


# Trees


@pytest.mark.parametrize(
    "tree",
    [
        DecisionTreeClassifier(random_state=0),
        DecisionTreeClassifier(max_leaf_nodes=3, class_weight="balanced", random_state=0),
        RandomForestClassifier(n_estimators=20, random_state=0),
    ],
    ids=["tree", "best first", "forest"],
)
def test_the_paths_through_trees_add_up_to_the_probability(tree: Any, fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(make_columns(), tree), CLASSES, ROW_SPEC)
    features = model.explain(ROWS[3])
    place = list(model.estimator.classes_).index(features.label)
    trees = getattr(model.estimator[-1], "estimators_", [model.estimator[-1]])
    root = np.mean([each.tree_.value[0, 0, place] / each.tree_.value[0, 0].sum() for each in trees])
    answer = model.estimator.predict_proba(build_batch(ROW_SPEC, [ROWS[3]]))[0, place]
    assert features.method == "tree"
    assert sum_weights(features) == pytest.approx(answer - root, abs=0.02)
    assert features.items[0].input == "size"


@pytest.mark.parametrize(
    "tree",
    [
        DecisionTreeRegressor(random_state=0),
        RandomForestRegressor(n_estimators=20, random_state=0),
        ExtraTreesRegressor(n_estimators=5, criterion="absolute_error", random_state=0),
    ],
    ids=["tree", "forest", "medians"],
)
def test_the_paths_through_trees_add_up_to_the_value(tree: Any, fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(make_columns(), tree), VALUES, VALUE_SPEC)
    features = model.explain(ROWS[3])
    trees = getattr(model.estimator[-1], "estimators_", [model.estimator[-1]])
    root = np.mean([each.tree_.value[0, 0, 0] for each in trees])
    assert features.method == "tree"
    assert sum_weights(features) == pytest.approx(model.score(ROWS[3]) - root, abs=0.5)


def test_a_forest_on_words_names_those_that_are_there(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(CountVectorizer(), RandomForestClassifier(n_estimators=30, random_state=0)))
    features = model.explain({"text": "A parcel!"})
    assert (features.method, set(find_weights(features))) == ("tree", {"parcel"})


def test_a_tree_that_was_fitted_on_an_array_is_explained(tmp_path: Path) -> None:
    spec = make_spec("tabular-regression", {"size": "number", "weight": "number"}, path="model.skops")
    tree = DecisionTreeRegressor().fit([[row["size"], row["weight"]] for row in ROWS], VALUES)
    skops.io.dump(tree, tmp_path / "model.skops")
    features = ask(ModelVersions(tmp_path, spec), {"size": 9.0, "weight": 2.0})
    assert features is not None
    assert features.method == "tree"
    assert features.items[0].input == "size"


# Asking again


def test_a_number_is_compared_with_its_mean_and_a_choice_with_the_others(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(make_columns(), KernelRidge(kernel="rbf", gamma=0.1)), VALUES, VALUE_SPEC)
    example = {"size": 9.0, "weight": 2.0, "kind": "a"}
    background = [*ROWS, {"size": 5.0, "weight": 4.0, "kind": "b"}, {"size": 5.0, "weight": 4.0, "kind": "b"}]
    mean = sum(row["size"] for row in background) / len(background)  # type: ignore[misc]
    whole = model.score(example)
    others = 6 * model.score({**example, "kind": "b"}) + 4 * model.score({**example, "kind": "c"})
    weights = find_weights(model.explain(example, background))
    assert weights["size"] == pytest.approx(whole - model.score({**example, "size": mean}))
    assert weights["kind"] == pytest.approx(whole - others / 10)


def test_without_base_data_the_config_says_what_is_usual(tmp_path: Path) -> None:
    inputs = {
        "size": {"component": "slider", "minimum": 0, "maximum": 10},
        "weight": {"component": "number", "value": 4},
        "free": "number",
        "kind": {"component": "radio", "choices": ["a", "b", "c"]},
        "is_new": "checkbox",
        "seen": "date",
    }
    source = (
        "def value(size, weight, free, kind, is_new, seen):\n"
        "    return 3.0 * size - weight + 100 * free + (6 if kind == 'a' else 0) + 2 * is_new\n"
    )
    versions = make_python(tmp_path, source, "tabular-regression", inputs=inputs)
    example = {"size": 9.0, "weight": 2.0, "free": 1.0, "kind": "a", "is_new": True, "seen": None}
    features = ask(versions, example)
    assert features is not None
    assert find_weights(features) == pytest.approx({"size": 12, "weight": 2, "kind": 6, "is_new": 2})


def make_python(folder: Path, source: str, task: str, **given: Any) -> ModelVersions:
    """Return a Python model of the source, whose function is the first in it."""
    name = f"explained_{folder.name}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    function = source.split("def ")[1].split("(")[0]
    spec = make_spec(task, kind="python", path=f"{name}:{function}", **given)
    return ModelVersions(folder, spec)


COUNTING = """\
def answer(text):
    with open({path!r}, "a") as file:
        file.write("x")
    return {{"good": text.count("good") / 10, "bad": 1 - text.count("good") / 10}}
"""


def make_counting(folder: Path) -> tuple[ModelVersions, Path]:
    """Return a Python model, and the file whose length says how often it was asked."""
    path = folder / "asked"
    source = COUNTING.format(path=str(path))
    inputs = {"text": "textbox"}
    return make_python(folder, source, "text-classification", inputs=inputs, labels=["good", "bad"]), path


def test_words_are_left_out_one_by_one(tmp_path: Path) -> None:
    versions, _ = make_counting(tmp_path)
    text = "so good, so хорошо good bad bad bad bad"
    features = ask(versions, {"text": text}, predicted_label="good")
    assert features is not None
    places = [(each.start, each.text) for each in features.items if isinstance(each, TextFeature)]
    assert sorted(places) == [(3, "good"), (19, "good")]
    assert [each.weight for each in features.items] == pytest.approx([0.1, 0.1])


def test_a_long_text_is_left_out_in_pieces_of_several_words(tmp_path: Path) -> None:
    versions, asked = make_counting(tmp_path)
    features = ask(versions, {"text": "neutral " * 700 + "good"}, predicted_label="good")
    assert features is not None
    assert asked.stat().st_size <= 2 + MOST_PROBES
    assert [each.text for each in features.items if isinstance(each, TextFeature)] == [
        f"{'neutral ' * (700 % 8)}good"
    ]


@pytest.mark.parametrize(
    "fields", [{"latency_ms": 5000.0}, {"predicted_label": None}], ids=["slow", "failed"]
)
def test_a_model_that_is_slow_or_gave_no_answer_is_not_asked_again(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    versions, asked = make_counting(tmp_path)
    assert ask(versions, {"text": "good"}, **fields) is None
    assert asked.stat().st_size == 1


def test_a_model_that_turns_out_slow_is_asked_once(tmp_path: Path) -> None:
    source = (
        "import threading\n\n"
        "def answer(text):\n    threading.Event().wait(0.4)\n    return {'good': 1.0, 'bad': 0.0}\n"
    )
    inputs = {"text": "textbox", **{f"n{number}": "number" for number in range(9)}}
    given = ", ".join(inputs)
    versions = make_python(
        tmp_path, source.replace("(text)", f"({given})"), "text-classification",
        inputs=inputs, labels=["good", "bad"],
    )  # fmt: skip
    example = {"text": "good", **{f"n{number}": 1.0 for number in range(9)}}
    background = [{**example, "n1": 2.0}]
    assert ask(versions, example, background) is None


def test_a_model_that_fails_without_a_word_says_so(tmp_path: Path) -> None:
    source = "def answer(text):\n    return {'good': 1.0 if text.index('good') else 0.5}\n"
    inputs = {"text": "textbox"}
    versions = make_python(tmp_path, source, "text-classification", inputs=inputs, labels=["good", "bad"])
    with pytest.raises(ModelError, match="substring not found"):
        ask(versions, {"text": "so good"})


def test_an_endpoint_is_never_asked_again(tmp_path: Path) -> None:
    def answer(request: Request) -> Any:
        return as_json({"good": 0.9, "bad": 0.1})

    with run_endpoint(answer) as endpoint:
        inputs = {"text": "textbox"}
        spec = make_spec(
            "text-classification", inputs, labels=["good", "bad"], kind="http", http={"url": endpoint.url}
        )
        assert ask(ModelVersions(tmp_path, spec), {"text": "good"}) is None
        assert len(endpoint.requests) == 1


@pytest.mark.parametrize("component", ["sketch", "image"])
def test_a_picture_is_covered_field_by_field(component: str, tmp_path: Path) -> None:
    image = {"component": component, "width": 8, "height": 8, "mode": "L"}
    spec = make_spec("image-classification", {"image": image}, labels=["dark", "light"], path="model.skops")
    chance = np.random.default_rng(3)
    pictures = [
        {"image": np.where(chance.random((8, 8)) < share, 0.0, 255.0)} for share in (0.1, 0.2, 0.7, 0.8)
    ]
    estimator = make_pipeline(MinMaxScaler(), LogisticRegression(C=0.1))
    model = Model(tmp_path, spec, estimator, pictures, ["light", "light", "dark", "dark"])
    picture = np.full((8, 8), 255.0)
    picture[2:4, 6:8] = 0.0
    case = Case({"image": {"media": "x.png"}}, {"image": picture}, ())
    version = model.versions.find()
    found = explain(model.versions, version, make_flag(predicted_label="dark"), case)
    assert found is not None
    best = found.items[0]
    assert isinstance(best, PatchFeature)
    assert (best.row, best.column, best.rows, best.columns) == (1, 3, 4, 4)
    assert best.weight > 0
    assert picture[2, 6] == 0.0


def test_a_picture_too_large_to_cover_has_no_features(tmp_path: Path) -> None:
    source = "def answer(image):\n    return {'dark': 1.0, 'light': 0.0}\n"
    versions = make_python(
        tmp_path, source, "image-classification", inputs={"image": "image"}, labels=["dark", "light"]
    )
    picture = np.broadcast_to(np.zeros(1), (6000, 6000, 3))
    case = Case({"image": {"media": "x.png"}}, {"image": picture}, ())
    assert explain(versions, versions.find(), make_flag(predicted_label="dark"), case) is None


def test_a_label_that_the_version_does_not_know_is_never_blamed_on_anything(
    fit: Callable[..., Model],
) -> None:
    model = fit(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)))
    assert ask(model.versions, {"text": "money back"}, predicted_label="gone") is None


@pytest.mark.parametrize("text", ["", " ", "?!", "unheard of"])
def test_a_text_without_a_known_word_has_no_features(text: str, fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)))
    assert ask(model.versions, {"text": text}) is None


def test_at_most_twelve_parts_are_shown_the_strongest_first(fit: Callable[..., Model]) -> None:
    model = fit(make_pipeline(CountVectorizer(), LogisticRegression(C=10)))
    words = list(model.estimator[0].vocabulary_)
    random.Random(1).shuffle(words)
    weights = [abs(each.weight) for each in model.explain({"text": " ".join(words)}).items]
    assert len(weights) == 12
    assert weights == sorted(weights, reverse=True)


def test_a_generated_text_is_not_explained(tmp_path: Path) -> None:
    source = "def answer(text):\n    return text\n"
    versions = make_python(tmp_path, source, "text-generation", inputs={"text": "textbox"})
    assert ask(versions, {"text": "good"}) is None
