"""Files by key: in a local folder, or in an object store that all workers share.

Captures, staged batches and what is remembered of publishers are stored through this interface. A key is a relative
path with `/`. Files appear atomically, and writing the same bytes again changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from warehouse.errors import StoreInterruptedError

#: Attempts per request to the object store, with exponential backoff (about 40 s in total).
S3_ATTEMPTS = 8
_PART = 8 << 20


class Files(Protocol):
    """The interface of both kinds of storage."""

    def read(self, key: str) -> bytes:
        """The whole file; FileNotFoundError if there is none."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Write a file atomically."""
        ...

    def put(self, local: Path, key: str) -> None:
        """Move a finished local file into place, flushed to the disk."""
        ...

    def scratch_folder(self, key: str) -> Path:
        """Local folder in which to create a file that `put` will move to `key`."""
        ...

    def open(self, key: str) -> Any:
        """A context manager that yields the file as a binary stream; FileNotFoundError if there is none."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes, or None if there is no such file."""
        ...

    def names(self, prefix: str = "", suffix: str = "") -> list[str]:
        """Sorted keys of all files below `prefix` (a folder, or everything), without temporary files."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes that each file occupies, by key; whole blocks on a disk."""
        ...

    def delete(self, key: str) -> None:
        """Remove a file; no error if there is none."""
        ...

    def put_folder(self, local: Path, key: str, last: str) -> None:
        """Move a finished local folder into place; it exists for others once its file `last` does."""
        ...

    def folders(self, last: str) -> list[str]:
        """Keys of the folders that hold a file `last`."""
        ...

    def fetch_folder(self, key: str) -> Path:
        """A local folder with the files of `key`; hand it to `release_folder` when done."""
        ...

    def release_folder(self, local: Path) -> None:
        """Delete the local copy of a fetched folder, if it is a copy."""
        ...

    def delete_folder(self, key: str, last: str) -> None:
        """Remove a folder, its file `last` first."""
        ...

    def where(self, key: str = "") -> str:
        """The location of a key, for messages."""
        ...


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that it appears atomically, flushed to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_file_at(path: Path, descriptor: int) -> bool:
    """True if the open file is still the one at `path`, which may have been removed or replaced since it was opened."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files below a folder."""

    root: Path

    def read(self, key: str) -> bytes:
        """See `Files`."""
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """See `Files`."""
        write_atomic(self.root / key, data)

    def put(self, local: Path, key: str) -> None:
        """See `Files`."""
        flush(local)
        local.replace(self.root / key)

    def scratch_folder(self, key: str) -> Path:
        """See `Files`."""
        folder = (self.root / key).parent
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def open(self, key: str) -> Any:
        """See `Files`."""
        return (self.root / key).open("rb")

    def size(self, key: str) -> int | None:
        """See `Files`."""
        try:
            return (self.root / key).stat().st_size
        except FileNotFoundError:
            return None

    def names(self, prefix: str = "", suffix: str = "") -> list[str]:
        """See `Files`."""
        found = []
        for folder, _, names in os.walk(self.root / prefix):
            below = Path(folder).relative_to(self.root)
            found += [(below / n).as_posix() for n in names if n.endswith(suffix) and not n.startswith(".tmp-")]
        return sorted(found)

    def sizes(self) -> dict[str, int]:
        """See `Files`; a file that is deleted meanwhile is left out."""
        found = {}
        for key in self.names():
            with contextlib.suppress(FileNotFoundError):
                found[key] = (self.root / key).lstat().st_blocks * 512
        return found

    def delete(self, key: str) -> None:
        """See `Files`."""
        (self.root / key).unlink(missing_ok=True)

    def put_folder(self, local: Path, key: str, last: str) -> None:
        """See `Files`."""
        local.rename(self.root / key)

    def folders(self, last: str) -> list[str]:
        """See `Files`."""
        return sorted(f.parent.name for f in self.root.glob(f"*/{last}") if not f.parent.name.startswith(".tmp-"))

    def fetch_folder(self, key: str) -> Path:
        """See `Files`."""
        return self.root / key

    def release_folder(self, local: Path) -> None:
        """See `Files`."""

    def delete_folder(self, key: str, last: str) -> None:
        """See `Files`."""
        doomed = self.root / f".tmp-{key}-{os.getpid()}"
        (self.root / key).replace(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def where(self, key: str = "") -> str:
        """See `Files`."""
        return str(self.root / key)


@lru_cache(maxsize=4)
def _s3(process: int, endpoint: str, region: str) -> Any:
    """One client per process, since it does not survive a fork. Credentials come from AWS's usual environment variables."""
    from pyarrow import fs

    options: dict[str, Any] = {"region": region} if region else {}
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        options |= {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
    return fs.S3FileSystem(
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS),
        connect_timeout=5,
        request_timeout=60,
        background_writes=False,
        **options,
    )


@dataclass(frozen=True, slots=True)
class ObjectFiles:
    """Files below `bucket/prefix` of an S3 object store; an object appears when its upload ends."""

    prefix: str
    spool: Path
    endpoint: str = ""
    region: str = ""

    @property
    def _fs(self) -> Any:
        return _s3(os.getpid(), self.endpoint, self.region)

    def _path(self, key: str) -> str:
        return f"{self.prefix}/{key}".rstrip("/")

    def read(self, key: str) -> bytes:
        """See `Files`."""
        with self.open(key) as file:
            return file.read()

    def write(self, key: str, data: bytes) -> None:
        """See `Files`."""
        with self._telling(key), self._fs.open_output_stream(self._path(key)) as stream:
            stream.write(data)

    def put(self, local: Path, key: str) -> None:
        """See `Files`."""
        with (
            self._telling(key),
            local.open("rb") as source,
            self._fs.open_output_stream(self._path(key)) as stream,
        ):
            while block := source.read(_PART):
                stream.write(block)
        local.unlink()

    def scratch_folder(self, key: str) -> Path:
        """See `Files`."""
        self.spool.mkdir(parents=True, exist_ok=True)
        return self.spool

    @contextmanager
    def open(self, key: str) -> Generator[BinaryIO]:
        """See `Files`."""
        with self._telling(key):
            stream = self._fs.open_input_stream(self._path(key))
        with stream:
            yield cast(BinaryIO, stream)

    def size(self, key: str) -> int | None:
        """See `Files`."""
        from pyarrow import fs

        with self._telling(key):
            info = self._fs.get_file_info(self._path(key))
        return info.size if info.type == fs.FileType.File else None

    def names(self, prefix: str = "", suffix: str = "") -> list[str]:
        """See `Files`."""
        return sorted(key for key in self._listed(prefix) if key.endswith(suffix))

    def sizes(self) -> dict[str, int]:
        """See `Files`."""
        return self._listed("")

    def _listed(self, prefix: str) -> dict[str, int]:
        """Bytes of the objects below a prefix, by key."""
        from pyarrow import fs

        selector = fs.FileSelector(self._path(prefix), recursive=True, allow_not_found=True)
        with self._telling(prefix):
            found = self._fs.get_file_info(selector)
        cut = len(self.prefix) + 1
        return {f.path[cut:]: f.size for f in found if f.type == fs.FileType.File}

    def delete(self, key: str) -> None:
        """See `Files`."""
        with self._telling(key):
            # `delete_file` would put an empty "folder" object in place of the last file of a folder.
            if self.size(key) is not None:
                self._fs.delete_file(self._path(key))

    def put_folder(self, local: Path, key: str, last: str) -> None:
        """See `Files`."""
        for file in sorted(local.iterdir(), key=lambda f: (f.name == last, f.name)):
            self.put(file, f"{key}/{file.name}")
        local.rmdir()

    def folders(self, last: str) -> list[str]:
        """See `Files`."""
        return [key.rpartition("/")[0] for key in self.names(suffix=f"/{last}")]

    def fetch_folder(self, key: str) -> Path:
        """See `Files`."""
        local = Path(tempfile.mkdtemp(dir=self.scratch_folder(key), prefix=".tmp-"))
        try:
            for each in self.names(key):
                with self.open(each) as source, (local / each.rpartition("/")[2]).open("wb") as target:
                    shutil.copyfileobj(source, target, _PART)
        except BaseException:
            shutil.rmtree(local, ignore_errors=True)
            raise
        return local

    def release_folder(self, local: Path) -> None:
        """See `Files`."""
        shutil.rmtree(local, ignore_errors=True)

    def delete_folder(self, key: str, last: str) -> None:
        """See `Files`."""
        self.delete(f"{key}/{last}")
        for each in self.names(key):
            self.delete(each)

    def where(self, key: str = "") -> str:
        """See `Files`."""
        return f"s3://{self._path(key)}"

    @contextmanager
    def _telling(self, key: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as e:
            raise ObjectStoreError(
                f"the object store cannot read or write {self.where(key)}: {str(e).splitlines()[0][:300]}"
            ) from e


class ObjectStoreError(StoreInterruptedError):
    """The object store does not answer, or refuses the request; what was committed is safe."""
