"""What belongs to no single app: the views that dashboards read."""
