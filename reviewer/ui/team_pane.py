"""The team pane: who has and did what, how far people agree, and how well the person who looks does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from reviewer.access import Role
from reviewer.api.team import list_seen
from reviewer.payloads import build_payload
from reviewer.ui.handlers import find_asker, needs
from reviewer.ui.markup import draw_table
from reviewer.ui.texts import find_language, load_texts, translate
from reviewer.workspace import Workspace

if TYPE_CHECKING:
    from reviewer.agreement import PersonScore
    from reviewer.training.intervals import Share

GROUPS = ("pairs", "classes", "weeks")
"""What agreement is shown by."""


@dataclass(frozen=True, slots=True)
class TeamPane:
    """The pane's components."""

    model: gr.Dropdown
    group: gr.Radio
    is_dark: gr.Checkbox
    own: gr.HTML
    people: gr.HTML
    done: gr.Plot
    agreement: gr.Plot


def build_team(workspace: Workspace) -> TeamPane:
    """Lay the pane out; it is drawn when it is opened."""
    models = [(spec.shown_name, name) for name, spec in workspace.spec.models.items()]
    groups = [(translate(f"team.by.{name}"), name) for name in GROUPS]
    with gr.Row(elem_classes="pane-bar"):
        model = gr.Dropdown(models, value=models[0][1], label=translate("test.model"), elem_id="team-model")
        group = gr.Radio(groups, value="pairs", label=translate("team.by"), elem_id="team-group")
    is_dark = gr.Checkbox(visible=False)
    with gr.Row(elem_classes="figures"):
        with gr.Column(min_width=440, elem_classes="box", elem_id="team-agreement"):
            gr.Markdown(translate("figure.agreement.title"), elem_classes="box-title")
            agreement = gr.Plot(show_label=False)
        with gr.Column(min_width=440, elem_classes="box", elem_id="team-done"):
            gr.Markdown(translate("figure.done.title"), elem_classes="box-title")
            done = gr.Plot(show_label=False)
        with gr.Column(min_width=440, elem_classes="box", elem_id="team-people"):
            gr.Markdown(translate("team.people"), elem_classes="box-title")
            people = gr.HTML()
        with gr.Column(min_width=440, elem_classes="box", elem_id="team-own"):
            gr.Markdown(translate("team.own"), elem_classes="box-title")
            own = gr.HTML()
    return TeamPane(model, group, is_dark, own, people, done, agreement)


def wire_team(workspace: Workspace, pane: TeamPane, tab: gr.Tab) -> None:
    """Draw the pane when it is opened or something else is chosen."""

    @needs(Role.REVIEWER)
    def draw(request: gr.Request, model: str, group: str, is_dark: bool) -> list[Any]:
        """Return the own score, the people, what was done per day, and the agreement."""
        import pandas as pd

        from reviewer.figures import draw_agreement, draw_done

        words, person = load_texts(find_language(request)), find_asker()
        people, days = workspace.find_workload()
        report = workspace.report_agreement(model)
        by_group = {
            "pairs": list_seen(report.pairs, person),
            "classes": report.classes,
            "weeks": report.weeks,
        }
        rows = [build_payload(each) for each in (report.overall, *by_group[group])]
        rows[0]["of"] = words["team.all"]
        frame = pd.DataFrame(days, columns=["name", "day", "flags"])
        return [
            write_score(workspace.score_person(person.name), words),
            write_people(people, words),
            draw_done(frame, words=words, is_dark=is_dark),
            draw_agreement(rows, words=words, is_dark=is_dark),
        ]

    gr.on(
        [tab.select, pane.model.change, pane.group.change],
        draw,
        [pane.model, pane.group, pane.is_dark],
        [pane.own, pane.people, pane.done, pane.agreement],
        js="(model, group) => [model, group, document.body.classList.contains('dark')]",
        api_visibility="private",
    )


def write_people(people: Sequence[dict[str, Any]], words: dict[str, str]) -> str:
    """Return a table of what each person has claimed, was assigned and did."""
    columns = ("name", "claimed", "assigned", "done")
    head = [words[f"team.column.{name}"] for name in columns]
    return draw_table(head, ([str(each[name]) for name in columns] for each in people))


def write_score(score: PersonScore, words: dict[str, str]) -> str:
    """Return how well a person did, as lines."""
    percent = score.agreement.percent
    agreed = (
        words["team.none"]
        if percent is None
        else f"{percent.value:.0%} ({percent.low:.0%} … {percent.high:.0%})"
    )
    lines = {
        "team.score.agreement": f"{agreed} · {score.agreement.flags:,}",
        "team.score.gold": say_share(score.gold, words),
        "team.score.flags": say_share(score.flags, words),
    }
    return "".join(f"<p>{escape(words[key])}: <b>{escape(said)}</b></p>" for key, said in lines.items())


def say_share(share: Share, words: dict[str, str]) -> str:
    """Return a share with its interval, and of how many."""
    if share.share is None:
        return words["team.none"]
    return f"{share.share:.0%} ({share.low:.0%} … {share.high:.0%}) · {share.hits:,} / {share.of:,}"
