"""The dashboards as files: their queries, the role that reads for them, and the proof that they show the truth."""
