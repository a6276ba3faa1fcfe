"""A job on a page: how far it is, a way to stop it, and what came of it.

The rule: a job runs in the server and not in the page; whoever comes back to the page finds it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from reviewer.access import Role
from reviewer.jobs import CANCELLED, DONE, FAILED, RUNNING, Job
from reviewer.ui.handlers import needs
from reviewer.ui.texts import say, say_sentence, translate
from reviewer.workspace import Workspace

_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class JobBox:
    """The components of a job."""

    state: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    job_id: gr.State

    @property
    def shown(self) -> list[Any]:
        """What `show_job` fills."""
        return [self.state, self.stop, self.timer, self.job_id]


def build_job_box(workspace: Workspace, name: str) -> JobBox:
    """Lay a job's box out and let its button stop the job."""
    with gr.Row(elem_classes="job-box", equal_height=True):
        state = gr.HTML(elem_id=f"{name}-job", elem_classes="job-state")
        stop = gr.Button(translate("job.stop"), variant="stop", visible=False, elem_id=f"{name}-stop")
    box = JobBox(state, stop, gr.Timer(_TICK_SECONDS, active=False), gr.State(""))

    @needs(Role.REVIEWER)
    def stop_job(job_id: str) -> None:
        workspace.jobs.find(job_id).stop.set()

    stop.click(stop_job, box.job_id, None, api_visibility="private", queue=False)
    return box


def find_job(workspace: Workspace, model: str, job_id: str, kinds: tuple[str, ...]) -> Job | None:
    """Return the model's newest job of these kinds that runs, else the one that the page has shown."""
    jobs = [each for each in workspace.jobs.list_of(model) if each.kind in kinds]
    running = next((each for each in jobs if each.state == RUNNING), None)
    return running or next((each for each in jobs if each.job_id == job_id), None)


def show_job(request: gr.Request, job: Job | None) -> list[Any]:
    """Return what fills `JobBox.shown`."""
    if job is None:
        return ["", gr.Button(visible=False), gr.Timer(active=False), ""]
    is_running = job.state == RUNNING
    return [
        describe_job(request, job),
        gr.Button(visible=is_running),
        gr.Timer(active=is_running),
        job.job_id,
    ]


_TONES = {DONE: "good", FAILED: "error", CANCELLED: "dim", RUNNING: "dim"}


def describe_job(request: gr.Request, job: Job) -> str:
    """Return a job's state, its progress while it runs, and what went wrong with it, as HTML."""
    words = say(request, f"job.{job.state}", what=say(request, f"job.kind.{job.kind}"))
    role = "alert" if job.state == FAILED else "status"
    parts = [f'<p class="{_TONES[job.state]}" role="{role}">{escape(words)}</p>']
    if job.state == RUNNING:
        doing = say_sentence(request, job.doing)
        parts.append(
            f'<progress max="1" value="{job.share:.3f}" aria-label="{escape(words)}"></progress>'
            f'<p class="dim">{escape(doing)}</p>'
        )
    if job.state == FAILED:
        parts.append(f'<p class="error">{escape(say_sentence(request, job.error))}</p>')
    if job.details:
        title = escape(say(request, "job.details"))
        parts.append(f"<details><summary>{title}</summary><pre>{escape(job.details[-5000:])}</pre></details>")
    return "".join(parts)
