import matplotlib.image

from transnet.reports.confusion import save_confusion


def test_any_number_of_classes_of_any_name(tmp_path):
    for count in (1, 41):
        names = [f"$a_{number}$\udcff" for number in range(count)]
        confusion = [[row] * count for row in range(count)]
        table, picture = save_confusion(tmp_path, names, confusion)
        assert table.read_bytes().count(b"\n") == count + 1
        assert matplotlib.image.imread(picture).shape[1] > 500
