import pytest

from transnet import ClipConfig, ModelConfig, PretrainingConfig, TrainingConfig, TransNetError
from transnet.checkpoints.backbone_record import from_dict


def test_batches_are_smaller_where_the_whole_network_is_trained():
    assert TrainingConfig().batch_size == 32
    assert TrainingConfig(freeze=False).batch_size == 8
    assert TrainingConfig(freeze=False, batch_size=3).batch_size == 3


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (ClipConfig, {"size": 8}, "size is 8; accepted: 16 to 4096 pixels"),
        (ClipConfig, {"stride_s": 0}, "stride_s is 0; accepted: above 0"),
        (ModelConfig, {"features": 0}, "features is 0; accepted: 1 or more"),
        (ModelConfig, {"temporal": "lstn"}, "temporal is 'lstn'; accepted: conv1d, separable"),
        (TrainingConfig, {"batch_size": -1}, "batch_size is -1; accepted: 1 or more"),
        (TrainingConfig, {"dropout": 1.0}, "dropout is 1.0; accepted: 0 or more, below 1"),
        (TrainingConfig, {"learning_rate": 0}, "learning_rate is 0; accepted: above 0"),
        (PretrainingConfig, {"size": 16}, "size is 16; accepted: 32 to 4096 pixels"),
        (PretrainingConfig, {"workers": -1}, "workers is -1; accepted: 0 or more"),
        (TrainingConfig, {"max_broken": 2}, "max_broken is 2; accepted: 0 to 1"),
    ],
)
def test_a_bad_value_is_named_with_what_is_accepted(kind, values, message):
    with pytest.raises(TransNetError, match=message):
        kind(**values)


def test_a_config_is_made_from_a_dictionary_that_holds_more():
    assert from_dict(ClipConfig, {"frames": 3, "color": "red"}) == ClipConfig(frames=3)


@pytest.mark.parametrize(("num_clips", "views"), [(1, 12), (28, 10), (60, 5), (75, 4), (5000, 4)])
def test_few_clips_have_more_views(num_clips, views):
    assert TrainingConfig().for_clips(num_clips, has_motion=True).views == views
    assert TrainingConfig(views=3).for_clips(num_clips, has_motion=True).views == 3
    for config, has_motion in ((TrainingConfig(), False), (TrainingConfig(freeze=False), True)):
        assert config.for_clips(num_clips, has_motion=has_motion).views == 4


def test_a_number_of_epochs_that_is_given_is_kept():
    assert TrainingConfig().min_steps == 120
    assert TrainingConfig(epochs=3).min_steps == TrainingConfig(freeze=False).min_steps == 1
