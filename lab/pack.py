"""Pack the standard library and the packages of the lab; the build runs this in the Python of the lab itself.

What a first run needs is compiled: the lab starts in half the time. All else stays source, which is a third
as large, and is compiled where a program imports it.
"""

import io
import json
import shutil
import sys
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode
from py_compile import compile as compiled

PROJECT, PACKAGES, LIBRARY = Path("/project"), Path("/packages"), "/lib/python314.zip"
NOT_IN_A_PAGE = {  # of the standard library, what works badly or not at all there
    *("multiprocessing", "sqlite3", "pty", "tty", "antigravity", "turtle"),
    *("ftplib", "imaplib", "mailbox", "poplib", "smtplib", "wsgiref", "xmlrpc"),
}
NOT_USED = ("hypothesis/extra/", "_hypothesis_pytestplugin.py")
ELSEWHERE = "manylinux"  # a wheel for another platform, whose extension modules are no use here
FIRST_RUN = """
from scalargrad import Value, nn, ledger, tree, draw, page, steps
model = nn.MLP(2, [2, 1], rng=0)
loss = (model([Value(1.0), Value(-2.0)]) - 1.0) ** 2
loss.backward()
print(ledger(loss), tree(loss), draw(loss), steps(loss))
loss
"""


def assembled() -> None:
    """Put the packages together: scalargrad, the lab's own, and the wheels."""
    leave_out = shutil.ignore_patterns("__pycache__", "*.dist-info")
    for package in (PROJECT / "scalargrad", PROJECT / "lab" / "scalargrad_lab"):
        shutil.copytree(package, PACKAGES / package.name, ignore=leave_out)
    for wheel in sorted((PROJECT / "lab" / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as files:
            is_foreign = ELSEWHERE in wheel.name
            names = [name for name in files.namelist() if not (is_foreign and name.endswith((".so", ".c", ".pyi")))]
            files.extractall(PACKAGES, names)


def needed_first() -> set[str]:
    """Run a first program, and return the files of all modules that are loaded then."""
    sys.path.insert(0, str(PACKAGES))
    from scalargrad_lab import answer

    came_to = json.loads(answer("run", json.dumps({"code": FIRST_RUN})))
    assert came_to["mistake"] is None, came_to["mistake"]["trace"]
    specs = [getattr(module, "__spec__", None) for module in sys.modules.values()]
    return {spec.origin for spec in specs if spec is not None and spec.origin}


def bytecode(source: bytes, path: str) -> bytes:
    """Return what Python would keep of a module, and will take as it is: the source is not there to compare."""
    Path("/module.py").write_bytes(source)
    mode = PycInvalidationMode.UNCHECKED_HASH
    compiled("/module.py", "/module.pyc", dfile=path, doraise=True, invalidation_mode=mode)
    return Path("/module.pyc").read_bytes()


def packed(files: dict[str, bytes], root: str, first: set[str]) -> bytes:
    """Return a zip file of these files; the modules that are needed first are compiled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # stored: the build compresses it as a whole
        for name, content in sorted(files.items()):
            path = f"{root}/{name}"
            is_compiled = path in first and name.endswith(".py")
            is_readable = name.startswith("scalargrad/")  # learners look up the source of the engine, by `inspect`
            if is_compiled and is_readable:
                folder, _, module = name.removesuffix(".py").rpartition("/")
                cached = f"{folder}/__pycache__/{module}.{sys.implementation.cache_tag}.pyc"
                archive.writestr(zipfile.ZipInfo(cached), bytecode(content, path))
            elif is_compiled:
                archive.writestr(zipfile.ZipInfo(f"{name}c"), bytecode(content, path))
            if is_readable or not is_compiled:
                archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def pack() -> list[bytes]:
    """Return the standard library and the packages, each as a zip file."""
    assembled()
    first = needed_first()
    own = {str(path.relative_to(PACKAGES)): path.read_bytes() for path in PACKAGES.rglob("*") if path.is_file()}
    own = {name: own[name] for name in own if "__pycache__" not in name and not name.startswith(NOT_USED)}
    with zipfile.ZipFile(LIBRARY) as source:
        names = [name for name in source.namelist() if name.partition("/")[0].split(".")[0] not in NOT_IN_A_PAGE]
        library = {name: source.read(name) for name in names}
    return [packed(library, LIBRARY, first), packed(own, str(PACKAGES), first)]
