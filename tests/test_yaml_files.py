import pytest

from transnet import TransNetError
from transnet.cli import main
from transnet.yaml_files import check_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text", [BOMB, "a: &a {<<: *a}", "[" * 5000, "# " + "x" * 2**21, "a: [", "\x00"]
)
def test_a_yaml_bomb_is_refused_at_once(tmp_path, text):
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    with pytest.raises(TransNetError, match=r"bomb\.yaml"):
        check_yaml(str(path))


def test_an_alias_of_one_value_is_accepted(tmp_path):
    path = tmp_path / "fine.yaml"
    path.write_text("epochs: &n 3\npatience: *n\n")
    check_yaml(str(path))


def test_config_refuses_a_bomb_and_a_device(tmp_path, capsys):
    path = tmp_path / "bomb.yaml"
    path.write_text(BOMB)
    for file in (str(path), "/dev/zero"):
        assert main(["train", "data", "--out", str(tmp_path / "run"), "--config", file]) == 1
        assert capsys.readouterr().err.startswith("error: ")
