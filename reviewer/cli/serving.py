"""Verbs that make a workspace and start the app on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reviewer.cli.options import WorkspaceOption, find_folder
from reviewer.terminal import show_progress, talk

HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Port to listen on; default: the first free one from 7860 on."),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the browser once the app answers.")]
WithoutSignInOption = Annotated[
    bool,
    typer.Option("--without-sign-in", help="Let others reach the app too: whoever does may do all."),
]
SignInOption = Annotated[
    bool,
    typer.Option("--sign-in", help="Let in only people that `reviewer users` added; see docs/team.md."),
]


def demo(
    is_served: Annotated[bool, typer.Option("--serve/--no-serve", help="Start the app afterwards.")] = True,
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    is_opened: OpenOption = False,
    sign_in: SignInOption = False,
    without_sign_in: WithoutSignInOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Prepare the demo workspace and start the app.

    Four models are trained on the spot and their real mistakes on held-out examples are flagged.
    """
    from reviewer.demo import prepare_demo
    from reviewer.ui.launch import check_address, choose_sign_in

    folder = find_folder(workspace)
    if is_served:
        has_sign_in = choose_sign_in(folder, sign_in=sign_in, without_sign_in=without_sign_in)
        check_address(host, port, is_guarded=has_sign_in or without_sign_in)
    with show_progress() as progress:
        prepare_demo(folder, progress)
    talk(f"The demo workspace is ready in {folder}.")
    if is_served:
        _serve(folder, host=host, port=port, open=is_opened, sign_in=sign_in, without_sign_in=without_sign_in)


def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    share: Annotated[
        bool, typer.Option("--share", help="Make a public link through Gradio's tunnel.")
    ] = False,
    is_opened: OpenOption = False,
    root_path: Annotated[
        str,
        typer.Option(
            metavar="PATH|URL", help="Where a proxy shows the app: /team, or https://flags.example/team."
        ),
    ] = "",
    theme: Annotated[str | None, typer.Option(help="reviewer, or one of Gradio's, such as soft.")] = None,
    ssl_keyfile: Annotated[Path | None, typer.Option(help="Key of the certificate, PEM.")] = None,
    ssl_certfile: Annotated[Path | None, typer.Option(help="Certificate for HTTPS, PEM.")] = None,
    ssl_keyfile_password: Annotated[
        str | None, typer.Option(envvar="REVIEWER_SSL_KEYFILE_PASSWORD", help="Password of the key.")
    ] = None,
    max_file_size: Annotated[str, typer.Option(help="Largest file taken: 500kb, 50mb, 1gb.")] = "50mb",
    sign_in: SignInOption = False,
    without_sign_in: WithoutSignInOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Start the app on this workspace."""
    _serve(
        workspace,
        host=host,
        port=port,
        share=share,
        open=is_opened,
        root_path=root_path,
        theme=theme,
        ssl_keyfile=ssl_keyfile,
        ssl_certfile=ssl_certfile,
        ssl_keyfile_password=ssl_keyfile_password,
        max_file_size=max_file_size,
        sign_in=sign_in,
        without_sign_in=without_sign_in,
    )


def _serve(workspace: Path | None, **options: Any) -> None:
    from reviewer.ui.launch import launch

    launch(workspace, prevent_thread_lock=True, **options).wait()
    talk("The app has stopped.")


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new workspace.")],
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model file: skops, onnx, or joblib with --trusted.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Examples with the right answers, one a row.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="text-classification, …; else it is guessed.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; else that of the file.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the right answer; else it is guessed.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Load the model file even if that may run code in it.")
    ] = False,
) -> None:
    """Make a workspace from a model file, a CSV, or both.

    A CSV without a model gets a simple one, trained on the spot. What is guessed is printed and stands in
    reviewer.toml, to be changed there.
    """
    from reviewer.scaffold import make_workspace

    with show_progress() as progress:
        made = make_workspace(
            folder, model=model, data=data, task=task, name=name, target=target, trusted=trusted,
            progress=progress,
        )  # fmt: skip
    for sentence in made:
        talk(sentence)
    talk(f"Look at it with: reviewer serve --workspace {folder}")
