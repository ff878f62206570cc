"""Opening files of reports: what cannot be one is refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from node.interchange.errors import UnreadableFileError
from node.interchange.files import open_reports


def test_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    """Opening it must not wait for ever."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)

    with pytest.raises(UnreadableFileError, match="regular"), open_reports(pipe):
        pass
