"""What is traded: opportunities, executions, venues and market data."""
