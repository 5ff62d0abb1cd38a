"""The Drive emulator, without a socket."""
