"""Passwords that an address of a database may hold, and what of them must never be seen."""

from urllib.parse import quote

WORDS = ("Qz7", "Xv9", "Kj5")
PLAIN = "@:&=+ !$'()*,;~[]{}|^`\"<>\\éß日🌄"
"""Characters that may stand in a password as they are."""

AS_GIVEN = [(password, password) for password in (mark.join(WORDS) for mark in PLAIN)]
ENCODED = [
    (quote(password, safe=""), password) for password in (m.join(WORDS) for m in PLAIN + "/?#%")
]
REFUSED = [
    *(mark.join(WORDS) for mark in "/?#%"),
    *(
        "Qz7@Xv9/Kj5",
        "Qz7@Xv9?Kj5=1",
        "Qz7/Xv9@Kj5",
        "Qz7%4",
        "Qz7%zzXv9",
        "Qz7%ffXv9",
        "Qz7%00Xv9",
    ),
]
HINTS = ("%XX", "%40", "%25", "%3F", "://")
"""What a fault says whatever the password is."""


def parts_of(text: str) -> set[str]:
    """Every three characters of it that follow one another."""
    return {text[at : at + 3] for at in range(len(text) - 2)} - set(HINTS)
