"""What a person is shown: progress and addresses."""
