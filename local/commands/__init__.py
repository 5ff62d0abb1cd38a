"""The commands of `drivestream`: a file for each group, with its options and what it does."""
