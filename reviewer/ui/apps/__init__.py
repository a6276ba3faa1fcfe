"""Other people's Gradio apps: what their components hold, what they were asked and what they answered.

wire.py      components → inputs and outputs of a model
values.py    what a browser sends of a component → its stored form
uploads.py   the files among them
model.py     the app as a model in reviewer.toml
witness.py   the calls that the server itself saw
seen.py      which of them a flagged page shows
"""
