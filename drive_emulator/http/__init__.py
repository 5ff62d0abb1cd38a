"""HTTP as Google's front end speaks it: messages, errors, listeners, TLS and the proxy."""
