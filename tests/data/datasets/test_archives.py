import platform
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from tests.stored_rar import COMPRESSED, SOLID, make_rar
from transnet.data.datasets.archives import unpack_archives
from transnet.errors import TransNetError

UNPACKERS = ("unrar", "bsdtar", "unar")


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_archives_in_archives(tmp_path):
    make_rar(tmp_path / "wave.rar", {"wave/a & b!.avi": b"one", "wave/#c.avi": b"two"})
    make_rar(tmp_path / "all.rar", {"wave.rar": (tmp_path / "wave.rar").read_bytes()})
    (tmp_path / "wave.rar").unlink()
    make_zip(
        tmp_path / "lists.zip", {"split/list.txt": "x", "split/._list.txt": "y", "run.exe": ""}
    )
    unpack_archives(tmp_path)
    assert files_below(tmp_path) == [
        "all.rar",
        "all/wave/wave/#c.avi",
        "all/wave/wave/a & b!.avi",
        "lists.zip",
        "lists/split/list.txt",
    ]
    assert (tmp_path / "all/wave/wave/#c.avi").read_bytes() == b"two"


def test_what_is_unpacked_already_is_left_alone(tmp_path):
    make_zip(tmp_path / "run.zip", {"a.avi": "new", "b.avi": "new"})
    for folder in ("elsewhere", "run"):
        (tmp_path / folder).mkdir()
        for name in ("a.avi", "b.avi"):
            (tmp_path / folder / name).write_text("old")
        unpack_archives(tmp_path)
        assert (tmp_path / folder / "a.avi").read_text() == "old"
        shutil.rmtree(tmp_path / folder)
    unpack_archives(tmp_path)
    assert (tmp_path / "run/a.avi").read_text() == "new"


@pytest.mark.parametrize("name", ["../escaped.avi", "/tmp/escaped.avi", "a/../../escaped.avi",
                                  "C:\\escaped.avi", "..\\escaped.avi"])  # fmt: skip
@pytest.mark.parametrize("make", [make_zip, make_rar])
def test_a_member_that_leads_outside(tmp_path, name, make):
    suffix = "zip" if make is make_zip else "rar"
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder / f"bad.{suffix}", {"good.avi": b"x", name: b"x"})
    with pytest.raises(TransNetError, match="is refused and nothing of it was unpacked: its mem"):
        unpack_archives(folder)
    assert files_below(tmp_path) == [f"data/bad.{suffix}"]


def test_a_link(tmp_path):
    member = zipfile.ZipInfo("link.avi")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(TransNetError, match="'link.avi' is a link"):
        unpack_archives(tmp_path)
    (tmp_path / "bad.zip").unlink()
    make_rar(tmp_path / "bad.rar", {"link.avi": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777)
    with pytest.raises(TransNetError, match="'link.avi' is a link"):
        unpack_archives(tmp_path)
    assert files_below(tmp_path) == ["bad.rar"]


def test_a_bomb(tmp_path):
    make_zip(tmp_path / "bomb.zip", {f"{n}.avi": bytes(30 * 2**20) for n in range(4)})
    with pytest.raises(TransNetError, match=r"would expand to 126 MB in 4 files; accepted .* 105"):
        unpack_archives(tmp_path)
    assert files_below(tmp_path) == ["bomb.zip"]


def test_a_bomb_in_an_archive(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"a.avi": bytes(20 * 2**20)})
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "inner.zip")
    inner.unlink()
    with pytest.raises(TransNetError, match="inner.zip is refused"):
        unpack_archives(tmp_path)
    assert files_below(tmp_path) == ["outer.zip"]


@pytest.mark.parametrize("suffix", ["zip", "rar"])
def test_a_damaged_archive_leaves_nothing(tmp_path, suffix):
    make = make_zip if suffix == "zip" else make_rar
    path = make(tmp_path / f"half.{suffix}", {"a.avi": b"frames" * 100, "b.avi": b"frame" * 100})
    content = bytearray(path.read_bytes())
    content[content.index(b"a.avi") + 7] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(TransNetError, match="damaged or incomplete|cannot be unpacked"):
        unpack_archives(tmp_path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TransNetError, match="damaged or incomplete|cannot be unpacked"):
        unpack_archives(tmp_path)
    path.write_bytes(b"no archive at all")
    with pytest.raises(TransNetError, match="damaged or incomplete"):
        unpack_archives(tmp_path)
    assert files_below(tmp_path) == [path.name]


def test_an_unpacking_that_was_killed_is_done_again(tmp_path):
    make_zip(tmp_path / "run.zip", {"a.avi": "x", "b.avi": "y"})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leftover = tmp_path / f".run.{platform.node()}.{ended.pid}.abc"
    leftover.mkdir()
    for name in ("a.avi", "b.avi"):
        (leftover / name).write_text("half")
    unpack_archives(tmp_path)
    assert files_below(tmp_path) == ["run.zip", "run/a.avi", "run/b.avi"]


def test_compressed_rar_without_a_program_for_it(tmp_path, monkeypatch):
    make_rar(tmp_path / "UCF101.rar", {"a.avi": b"xyz"}, method=COMPRESSED)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TransNetError, match=r"none of unrar, bsdtar, unar is installed. Install"):
        unpack_archives(tmp_path)
    assert files_below(tmp_path) == ["UCF101.rar"]


@pytest.mark.parametrize("program", UNPACKERS)
def test_rar_through_another_program(tmp_path, monkeypatch, program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / program).symlink_to(shutil.which(program))
    monkeypatch.setenv("PATH", str(programs))
    folder = tmp_path / "data"
    folder.mkdir()
    make_rar(folder / "all.rar", {"run/a #1.avi": b"one", "run.exe": b"two"}, flags=SOLID)
    unpack_archives(folder)
    assert files_below(folder) == ["all.rar", "all/run/a #1.avi"]
    assert (folder / "all/run/a #1.avi").read_bytes() == b"one"


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    make_zip(tmp_path / "run.zip", {"a.avi": "x"})
    tmp_path.chmod(0o555)
    try:
        if _is_superuser(tmp_path):
            pytest.skip("the superuser writes anywhere")
        with pytest.raises(TransNetError, match="cannot be unpacked next to itself"):
            unpack_archives(tmp_path)
    finally:
        tmp_path.chmod(0o755)


def _is_superuser(folder):
    try:
        (folder / "probe").touch()
    except OSError:
        return False
    return True
