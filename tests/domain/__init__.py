"""Tests of thinking: no database, no network, no clock."""
