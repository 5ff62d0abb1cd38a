"""What the servers are made of: found on the machine, else fetched once into the user's cache."""
