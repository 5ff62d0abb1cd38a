"""What Drivestream is made of: its known vulnerabilities, and the lists of its parts."""
