from transnet.reports.clip_names import clip_names


def test_a_name_is_what_tells_a_clip_apart():
    assert clip_names(["/d/squat/anna/01.mp4"]) == ["squat/anna/01"]
    deep = ["/d/anna/squat/monday/am/01.mp4", "/d/ben/squat/monday/am/01.mp4"]
    assert clip_names(deep) == ["anna/squat/monday/am/01", "ben/squat/monday/am/01"]
    assert clip_names(["/d/a/b/1.mp4", "/d/a/b/1.avi"]) == ["a/b/1.mp4", "a/b/1.avi"]
    assert clip_names(["/1.mp4", "/1.mp4"]) == ["1", "1"]
    assert clip_names([]) == []
