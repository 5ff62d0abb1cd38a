"""Drivestream and rclone on the same Drive server and the same store, in turns."""
