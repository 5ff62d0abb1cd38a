"""Dashboards, alerts and their runbook: they ask for what a running system has."""
