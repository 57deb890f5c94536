"""What other apps call: outbox, alerts, operators, canaries, schedules."""
