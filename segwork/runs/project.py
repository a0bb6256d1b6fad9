"""What a project keeps outside its run folders: keys, hashes, profiles and temporary files."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from segwork.config import Config
from segwork.errors import UsageError
from segwork.runs.files import private_folder, unwritable

SAMPLE_KEY = "segwork-sample-company"
SHORTEST_KEY = 16  # characters; shorter ones are found by trying
TEMPORARY = "SEGWORK_TMP"


def project_root() -> Path:
    """Return the folder that holds ``notebooks``, searched upwards from the working folder."""
    if root := os.environ.get("SEGWORK_ROOT"):
        return Path(root)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return here


def own_folder() -> Path:
    """Return the project's private folder, which no run folder holds."""
    return project_root() / ".segwork"


def pseudonym_key(config: Config, *, run_folder: Path | None = None, make: bool = True) -> str:
    """Return the secret behind the pseudonyms: public for the sample, else kept outside runs.

    ``SEGWORK_KEY`` wins; otherwise a key is made once in ``.segwork/key`` of the project.

    Parameters
    ----------
    config : Config
    run_folder : Path, optional
        Where the run is written; the key may not lie below it.
    make : bool, default True
        Whether to make a key where there is none; else the answer is empty then.

    Raises
    ------
    UsageError
        A key is too short to keep a secret, or would lie in the run folder.
    """
    if (key := os.environ.get("SEGWORK_KEY")) is not None:
        return _long_enough(key, "SEGWORK_KEY")
    if _is_the_sample(config):
        return SAMPLE_KEY
    path = own_folder() / "key"
    if run_folder and run_folder.resolve() in path.resolve().parents:
        raise UsageError(
            f"the key of the pseudonyms, '{path}', would lie in the run folder '{run_folder}'",
            accepted="an --out outside the project's own folder, or SEGWORK_KEY",
        )
    if not path.is_file():
        if not make:
            return ""
        try:
            _make(path)
        except OSError as fault:
            raise unwritable(path, fault) from None
    return _long_enough(path.read_text(encoding="utf-8", errors="replace").strip(), f"'{path}'")


def _is_the_sample(config: Config) -> bool:
    """Tell whether every table is the sample's own: with one of somebody else's the key counts."""
    if not config.sample.folder:
        return False
    folder = config.resolve(config.sample.folder).resolve()
    return all(
        not source.url and config.resolve(source.path).resolve() == folder / f"{name}.parquet"
        for name, source in config.tables.items()
    )


def _make(path: Path) -> None:
    """Write a new key; of two who do so at once one wins, and both read that one."""
    whole = private_folder(path.parent) / f"key-{secrets.token_hex(8)}"
    _write_new(whole, secrets.token_hex(32))
    with contextlib.suppress(FileExistsError):
        try:
            os.link(whole, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            _write_new(path, whole.read_text(encoding="ascii"))
    whole.unlink()


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, for its owner only."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _long_enough(key: str, where: str) -> str:
    if len(key) < SHORTEST_KEY:
        raise UsageError(
            f"the key of the pseudonyms in {where} has {len(key)} characters",
            accepted=f"at least {SHORTEST_KEY}, chosen by chance",
            hint="without the variable a key is made for the project",
        )
    return key


def temporary_folder() -> Path:
    """Return this run's private folder for what is needed for a while; the processes share it.

    It lies in ``segwork-<user>`` of the system's folder for such things. What runs left there that
    were killed goes when the next one starts.

    Raises
    ------
    UsageError
        Somebody else made a folder of that name.
    """
    if given := os.environ.get(TEMPORARY):
        return private_folder(Path(given))
    user = os.getuid() if hasattr(os, "getuid") else 0
    home = private_folder(Path(tempfile.gettempdir()) / f"segwork-{user}")
    stat = home.lstat()
    if home.is_symlink() or (os.name == "posix" and (stat.st_uid != user or stat.st_mode & 0o077)):
        raise UsageError(f"'{home}' is not private", hint="remove it, or set TMPDIR")
    mine = home / str(os.getpid())
    if not mine.is_dir():
        _sweep(home)
        atexit.register(shutil.rmtree, mine, ignore_errors=True)
    return private_folder(mine)


def _sweep(home: Path) -> None:
    """Remove what processes left that are no more."""
    import psutil

    for folder in home.iterdir():
        if not (folder.name.isdigit() and psutil.pid_exists(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)


def identity(run_folder: Path) -> str:
    """Return the name under which the project knows one of its run folders."""
    return hashlib.sha256(os.fsencode(run_folder.resolve())).hexdigest()[:16]
