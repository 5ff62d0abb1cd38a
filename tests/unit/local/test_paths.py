"""Where things are kept on a user's machine."""

from pathlib import Path

import pytest

from local.paths import data_dir


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"DATA_DIR": "/srv/x", "HOME": "/h"}, "/srv/x"),
        ({"XDG_DATA_HOME": "/xdg", "HOME": "/h"}, "/xdg/drivestream"),
        ({"HOME": "/h"}, "/h/.local/share/drivestream"),
    ],
)
def test_the_data_folder_is_where_the_user_says(env: dict[str, str], folder: str) -> None:
    assert data_dir(env) == Path(folder)
