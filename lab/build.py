"""Build the lab: `python lab/build.py` writes the folder `site/lab/`, and in it the lab as one file.

It needs Node.js 18 or newer with npm, and the package indexes of npm and Python; what they gave once is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).parent
OLDEST = 18  # the version of Node.js
PYTHON = "3.14"  # that of Pyodide
PLATFORMS = (
    "pyemscripten_2026_0_wasm32",
    "any",
    "manylinux_2_17_x86_64",
)  # of the last, pack.py takes the Python alone
WHEELS = LAB / "wheels"


def build() -> None:
    """Fetch what is not here yet, check the types, and build.

    Raises:
        SystemExit: when Node.js is missing or too old, or when a step fails; it has said why.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        sys.exit(f"the lab is built with Node.js {OLDEST} or newer and npm: apt-get install nodejs npm")
    version = _output(node, "--version")
    if int(version.lstrip("v").partition(".")[0]) < OLDEST:
        sys.exit(f"the lab is built with Node.js {OLDEST} or newer, and this is {version}")
    if _is_older(LAB / "node_modules" / ".package-lock.json", LAB / "package-lock.json"):
        _run(npm, "ci", "--no-fund", "--no-audit", "--ignore-scripts")
    if _is_older(WHEELS, LAB / "requirements.txt"):
        shutil.rmtree(WHEELS, ignore_errors=True)
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        wanted = ["--python-version", PYTHON, "--implementation", "cp", *platforms]
        options = ["--quiet", "--no-deps", "--only-binary=:all:", *wanted, "--dest", str(WHEELS)]
        _run(sys.executable, "-m", "pip", "download", *options, "--requirement", "requirements.txt")
    _run(node, "node_modules/typescript/bin/tsc")
    os.environ["PYTHON"] = sys.executable  # it compresses
    _run(node, "build.mjs")


def _is_older(made: Path, source: Path) -> bool:
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  # fixed


def _run(*command: str) -> None:
    if subprocess.run(command, cwd=LAB, check=False).returncode:  # noqa: S603  # a fixed command
        sys.exit(f"the lab is not built: {' '.join(command)} failed")


if __name__ == "__main__":
    build()
