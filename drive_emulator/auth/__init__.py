"""Who is asking: API keys, access tokens and service accounts."""
