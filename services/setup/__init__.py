"""Set-up: topics, bucket and policy, tables. Run before the services, and again at will."""
