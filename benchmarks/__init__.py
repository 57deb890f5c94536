"""Benchmarks: each prints its baseline in the same run, and a counter of the work done."""
