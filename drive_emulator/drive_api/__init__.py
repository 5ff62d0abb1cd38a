"""The methods of Drive v3, and Google's token endpoint."""
