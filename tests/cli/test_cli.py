"""The command line as a user types it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from affectbio.cli import app, main
from affectbio.errors import ConfigError


def test_version():
    assert CliRunner().invoke(app, ["--version"]).output == f"affectbio {version('affectbio')}\n"


def test_help_names_every_command():
    output = CliRunner().invoke(app, ["--help"]).output
    assert [word for word in ("demo", "doctor", "--install-completion") if word not in output] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_exists_for(shell, monkeypatch):
    monkeypatch.setenv("_AFFECTBIO_COMPLETE", f"source_{shell}")
    result = CliRunner().invoke(app, [], prog_name="affectbio")
    assert result.exit_code == 0
    assert "_AFFECTBIO_COMPLETE" in result.output


def test_our_errors_are_one_line_without_a_traceback(monkeypatch, capsys):
    def fails():
        raise ConfigError("no device 'muze-2'; did you mean 'muse-2'?")

    monkeypatch.setattr("affectbio.cli.app", fails)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: no device 'muze-2'; did you mean 'muse-2'?\n"


def test_help_imports_nothing_heavy():
    heavy = {"numpy", "pandas", "mne", "torch", "numba", "sklearn", "matplotlib", "pylsl"}
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from affectbio.cli import app\n"
        "assert CliRunner().invoke(app, ['demo', '--help']).exit_code == 0\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
