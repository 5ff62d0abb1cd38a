"""The control API below `/_emu`, and the state that it reads and changes."""
