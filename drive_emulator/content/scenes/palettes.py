"""The colours that scenes are painted with, by the hour of the day they suit."""

from dataclasses import dataclass

from drive_emulator.content.scenes.paint import Colour, rgb


@dataclass(frozen=True)
class Palette:
    """`sky` from the zenith down; land and water fade from `far` to `near`."""

    sky: tuple[Colour, ...]
    far: Colour
    near: Colour
    light: Colour  # sun or moon
    accent: Colour


def _palette(sky: str, far: str, near: str, light: str, accent: str) -> Palette:
    stops = tuple(rgb(code) for code in sky.split())
    return Palette(stops, rgb(far), rgb(near), rgb(light), rgb(accent))


DAWN = (
    _palette("35477d 6c5b7b c06c84 f67280 f8b195", "b0768a", "2a2440", "fff1c9", "f8b195"),
    _palette("274060 5c7aa8 a9b4c8 f2cfae ffe5c4", "93a3b8", "1e2f40", "fff6de", "f2a65a"),
    _palette("46344e 8a4f7d d5748c ffa987 ffe0b2", "a8698c", "2b1f33", "fff3d6", "ff7f6b"),
    _palette("1d3557 457b9d a8c8d8 f7e1c4 ffd3a5", "7f9fb5", "14273f", "fff8e6", "e76f51"),
)
DUSK = (
    _palette("1a1a40 4c2a6b a2365e ee6c4d ffc857", "8a3b62", "150f2a", "ffe8a3", "ff9f5b"),
    _palette("0f2043 35477d 9c5588 f0716b ffb677", "7a5482", "0d1530", "ffdf9e", "f67e7d"),
    _palette("2b1b3d 6f2c58 c7443f f58a3c ffd56b", "95424d", "1d1027", "fff0b8", "f9a03f"),
    _palette("16324f 2f6690 7d8ca3 e8a87c f4c095", "5f7893", "0d2233", "ffe9c9", "e27d60"),
)
DAY = (
    _palette("2f80c2 6db3e2 b6dcf2 e8f4f8", "9fc0cf", "2d5d4b", "fffbe6", "f4a261"),
    _palette("3a7ca5 81c3d7 d9f0f4 f7f9f2", "a7c6b5", "3a6b35", "fffdf0", "e9c46a"),
    _palette("1f6f9f 5fb0c9 c2e5e0 fdf6e3", "8fb9aa", "1f4e4a", "fff8dc", "ef767a"),
    _palette("5b86b6 a5c4dd e6e6ea f9f1e7", "b5c0c8", "4f6d4c", "fff9e8", "d1665a"),
)
NIGHT = (
    _palette("050814 0b1533 1b2a55 33507c", "2b4468", "04070f", "f4f1de", "7ee8b5"),
    _palette("0a0618 1d1240 3b2368 6a3d8a", "43306b", "070412", "fdf4d8", "c77dff"),
    _palette("03121a 07303d 0f5257 2c7a73", "1b5a5e", "020b10", "eafff5", "80ffdb"),
    _palette("0b0c1e 1f1d47 44306f 8a4a7d", "4a3a70", "06060f", "fff2d0", "ff8fa3"),
)
PRINT = (  # poster inks: `sky` is the paper and three inks
    _palette("f4ede0 e63946 f1a208 1d3557", "457b9d", "1b1b2f", "fffaf0", "a8dadc"),
    _palette("fdf0d5 c1121f 669bbc 003049", "780000", "10212e", "fffdf6", "f4a259"),
    _palette("f7f3e9 2a9d8f e9c46a e76f51", "f4a261", "264653", "fffdf5", "8ab17d"),
    _palette("fbf7f4 6d597a e56b6f eaac8b", "b56576", "355070", "fffaf5", "f2cc8f"),
    _palette("eef4ed 134074 8da9c4 ffb703", "0b2545", "13315c", "ffffff", "fb8500"),
    _palette("fff8f0 9a031e fb8b24 0f4c5c", "e36414", "5f0f40", "fffdf8", "84a98c"),
    _palette("f0efeb b7b7a4 cb997e 6b705c", "a5a58d", "3f4238", "fffdf8", "ddbea9"),
    _palette("f8edeb ffb5a7 9d8189 6a8d92", "d8e2dc", "463f4a", "fffaf8", "f4acb7"),
)
