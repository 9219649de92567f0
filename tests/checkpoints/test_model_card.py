"""What the model card of a run says about how to use it."""

from dataclasses import replace

import pytest

from transnet.checkpoints.model_card import model_card
from transnet.checkpoints.run import load_run_info


@pytest.mark.parametrize(
    ("people", "option", "argument"),
    [
        ("segmenter tiny 0123456789ab", "--segmenter SHAPE", 'segmenter="SHAPE"'),
        ("detector ssdlite 0123456789ab", "--detector FILE", 'detector="FILE"'),
    ],
)
def test_the_card_of_a_run_on_crops_says_how_people_are_found(
    people, option, argument, trained_run
):
    info = load_run_info(trained_run)
    cropped = replace(info, clip=replace(info.clip, crop="people", region="0,0,0.5,1"))
    card = model_card(replace(cropped, people=people), "anna/moves", "mit", None)
    assert f"found by: {people}." in card
    assert f"transnet predict hf-hub:anna/moves video.mp4 --people {option}\n" in card
    assert f"transnet live hf-hub:anna/moves 0 --people {option}\n" in card
    assert f"transnet evaluate hf-hub:anna/moves --data YOUR_CLIPS {option}`" in card
    assert f"transnet.find_people({argument})" in card
    assert "pixels, cropped to a person, in the region `0,0,0.5,1` of the picture," in card


def test_the_card_of_a_run_on_whole_pictures_does_not_speak_of_people(trained_run):
    card = model_card(load_run_info(trained_run), "anna/moves", "mit", None)
    assert "transnet predict hf-hub:anna/moves video.mp4\n" in card
    assert "--data YOUR_CLIPS`" in card
    assert "64 x 64 pixels, evenly spaced." in card
    assert "people" not in card.partition("## How good")[0]
