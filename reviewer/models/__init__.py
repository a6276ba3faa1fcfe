"""Models under test: their input components, their kinds and the versions kept on disk."""
