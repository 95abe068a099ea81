"""Files appear whole or not at all: on the disk, under their links, with their modes."""

import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
from ledgers import VARIABLES

import minidl as ml
from minidl.core import storage
from minidl.core.errors import FileError
from minidl.core.storage import write_whole

NET = ml.mlp([3, 4, 1], seed=0)


def names(folder):
    return sorted(os.listdir(folder))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# --------------------------------------------------------------------------- links, modes, places


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    target, link, second = (tmp_path / n for n in ("real/net.safetensors", "link", "second"))
    target.write_bytes(b"before")
    link.symlink_to("real/net.safetensors")
    second.symlink_to(link)
    NET.save(second)
    assert second.is_symlink()
    assert link.is_symlink()
    assert not target.is_symlink()
    assert ml.load(target).predict(np.ones((1, 3))) == NET.predict(np.ones((1, 3)))
    assert names(tmp_path) == ["link", "real", "second"]
    assert names(tmp_path / "real") == ["net.safetensors"]


def test_a_link_to_nothing_yet_becomes_one_to_the_file(tmp_path, refused):
    link = tmp_path / "link"
    link.symlink_to("later")
    write_whole(link, b"whole")
    assert link.is_symlink()
    assert (tmp_path / "later").read_bytes() == b"whole"
    link.unlink()
    link.symlink_to("missing/later")
    with refused(FileError, str(link), "can be written", "No such file", "Choose another"):
        write_whole(link, b"whole")
    link.unlink()
    link.symlink_to("link")
    with refused(FileError, str(link), "can be written", "symbolic links", "Choose another"):
        write_whole(link, b"whole")
    assert link.is_symlink()


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o666, 0o755, 0o444])
def test_the_mode_of_a_file_is_kept(tmp_path, bits):
    path = tmp_path / "net.safetensors"
    path.touch()
    path.chmod(bits)
    before = os.umask(0o077)
    try:
        NET.save(path)
    finally:
        os.umask(before)
    assert mode(path) == bits
    assert path.stat().st_size


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_owner_of_a_file_is_kept(tmp_path):
    path = tmp_path / "net.safetensors"
    path.touch()
    os.chown(path, 65534, 65533)
    NET.save(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:
        write_whole(path, b"whole")
        assert reader.communicate()[0] == b"whole"
    assert names(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO(path.stat().st_mode)
    write_whole("/dev/null", b"whole")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# -------------------------------------------------------------------------------- power and disks


def test_content_is_on_the_disk_before_the_name_and_then_the_name(tmp_path, monkeypatch):
    calls, sync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        calls.append((kind, os.fstat(descriptor).st_size if kind == "file" else 0))
        sync(descriptor)

    def replaced(*paths):
        calls.append(("name", 0))
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_whole(tmp_path / "notes.txt", b"whole")
    assert calls == [("file", 5), ("name", 0), ("folder", 0)]


def test_a_file_that_does_not_read_back_replaces_nothing(tmp_path, monkeypatch, refused):
    path = tmp_path / "net.safetensors"
    NET.save(path)
    before, ordered = path.read_bytes(), storage._ordered

    def damaged(content):
        content = bytearray(ordered(content))
        content[-1] ^= 1
        return bytes(content)

    monkeypatch.setattr(storage, "_ordered", damaged)
    with refused(FileError, str(path), "reads back whole", "another", "what was there before"):
        ml.mlp([3, 4, 1], seed=1).save(path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["net.safetensors"]


FULL = """
import resource, sys
import minidl as ml
from minidl.core import FileError
net = ml.mlp([100, 100, 1], seed=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    net.save(sys.argv[1])
except FileError as error:
    print(error.got)
"""


def test_a_full_disk_loses_nothing(tmp_path):
    path = tmp_path / "net.safetensors"
    NET.save(path)
    before = path.read_bytes()
    command = [sys.executable, "-W", "error", "-c", FULL, str(path)]
    told = subprocess.run(command, env=VARIABLES, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "File too large\n", "")
    assert path.read_bytes() == before
    assert names(tmp_path) == ["net.safetensors"]


# ----------------------------------------------------------------------------------- killed saves

KILLED = """
import os, sys, time
from minidl.core import storage
def hang(path):
    print("written", flush=True)
    time.sleep(600)
storage.write_whole(sys.argv[1], b"half", check=hang)
"""


def saving(path):
    """A process that has written its temporary file, and waits."""
    command = [sys.executable, "-c", KILLED, str(path)]
    process = subprocess.Popen(command, env=VARIABLES, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "written\n"
    return process


def test_what_a_killed_save_left_goes_with_the_next_and_what_another_writes_stays(tmp_path):
    path, other = tmp_path / "net.safetensors", tmp_path / ".other.safetensors.0123abcd"
    path.write_bytes(b"before")
    other.write_bytes(b"of another file")
    killed, alive = saving(path), saving(path)
    try:
        assert len(names(tmp_path)) == 4
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert path.read_bytes() == b"before"
        NET.save(path)
        assert len(names(tmp_path)) == 3  # the one that is alive has its own still
        assert other.name in names(tmp_path)
    finally:
        alive.kill()
        alive.communicate()
    NET.save(path)
    assert names(tmp_path) == [other.name, "net.safetensors"]
    ml.load(path)


MANY = """
import sys
from minidl.core.storage import write_whole
for turn in range(200):
    write_whole(sys.argv[1], sys.argv[2].encode() * 1000)
"""


def test_processes_that_write_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "notes.txt"
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY, str(path), letter], env=VARIABLES)
        for letter in "abc"
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert path.read_bytes() in [letter * 1000 for letter in (b"a", b"b", b"c")]
    assert names(tmp_path) == ["notes.txt"]
