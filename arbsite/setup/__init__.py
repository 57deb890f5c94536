"""What has to be there before anything runs: databases and their schema, files of secrets, the first user."""
