"""What the web process serves beside the admin: the home page, the verdict, how it is, and where Grafana reports."""
