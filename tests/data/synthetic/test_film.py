import numpy as np

from transnet.data.synthetic.film import Role, render_film


def test_people_are_where_the_film_says_and_the_last_one_is_in_front():
    film = render_film(
        [Role("handwaving", 0.3, 0.7), Role("walking", 0.7, 0.3)], seed=1, num_frames=9
    )
    assert film.frames.shape == (9, 270, 480, 3)
    assert not (film.masks[0] & film.masks[1]).any()  # what is hidden is not seen
    hidden = film.masks.sum(axis=(2, 3))
    assert hidden[0, 4] < 0.8 * hidden[0, 0]
    columns = np.arange(480)
    for who, centers in enumerate(([144, 192, 240, 288, 336], [336, 288, 240, 192, 144])):
        for number, center in zip((0, 8), centers[::4], strict=True):
            seen = film.masks[who, number].sum(axis=0)
            assert abs((seen @ columns) / seen.sum() - center) < 25


def test_equal_seeds_give_equal_films():
    films = [render_film([Role("boxing", 0.2, 0.4)], seed, num_frames=3) for seed in (0, 0, 1)]
    assert np.array_equal(films[0].frames, films[1].frames)
    assert not np.array_equal(films[0].frames, films[2].frames)
