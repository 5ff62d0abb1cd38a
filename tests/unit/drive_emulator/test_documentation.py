"""The page about the emulator names everything that can be set."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from drive_emulator.auth.authenticator import KeyState
from drive_emulator.faults.rule import AnyEffect, Match, parse_rule
from drive_emulator.http.errors import PRESETS
from drive_emulator.options import parser
from drive_emulator.quota.settings import PROFILES, QuotaSettings, changed

PAGE = (Path(__file__).parents[3] / "docs" / "drive-emulator.md").read_text()
FAULTS = PAGE.partition("\n## Faults\n")[2].partition("\n## ")[0]
CODE = set(re.findall(r"`([^`\n]+)`", PAGE))


@pytest.mark.parametrize("effect", get_args(AnyEffect), ids=lambda effect: str(effect.__name__))
def test_every_effect_and_its_members_are_documented(effect: type[msgspec.Struct]) -> None:
    tag = str(effect.__struct_config__.tag)
    [row] = [line for line in FAULTS.splitlines() if line.startswith(f"| `{tag}` |")]
    for field in msgspec.structs.fields(effect):
        assert f"`{field.encode_name}`" in row, field.encode_name


@pytest.mark.parametrize(
    "name",
    [
        *(field.encode_name for field in msgspec.structs.fields(Match)),
        *(field.encode_name for field in msgspec.structs.fields(QuotaSettings)),
        *PRESETS,
        *PROFILES,
        *KeyState,
    ],
)
def test_every_setting_is_documented(name: str) -> None:
    assert name in CODE


def test_every_flag_is_documented() -> None:
    flags = re.findall(r"^  (--[a-z-]+)", parser().format_help(), re.MULTILINE)
    assert len(flags) > 15
    assert [flag for flag in flags if not re.search(rf"`{flag}|{flag} ", PAGE)] == []


def test_the_examples_of_rules_can_be_used() -> None:
    shown = re.findall(r"--fault '(\{.*?\})'", PAGE)
    whole = re.findall(r"```json\n(\{\n  \"match\".*?)```", PAGE, re.DOTALL)
    assert (len(shown), len(whole)) == (3, 1)
    for text in (*shown, *whole):
        parse_rule(text)


def test_the_table_of_profiles_is_true() -> None:
    for name, limit in (("units2026", "325,000"), ("legacy", "12,000")):
        assert f"{changed(QuotaSettings(), {'profile': name}).user_per_minute:,.0f}" == limit
    assert "| `user_per_minute` | units of one user | 325,000 | 12,000 |" in PAGE
