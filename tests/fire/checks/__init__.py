"""One property a function: what was counted, and each thing that is wrong. Pure, so that a small
test shows of each that it can fail (`tests/unit/fire`)."""
