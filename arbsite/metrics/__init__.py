"""What the system tells of itself: metrics of each process and where they are, readings of all its parts."""
