"""``transnet push``: publish a run or a pretraining on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path


def push(run: str, name: str, *, license: str | None = None, private: bool = False) -> str:
    """Publish a trained run on the Hugging Face Hub, with a model card that states its scores.

    It is then used as hf-hub:USER/NAME wherever a RUN is named. Log in once with: hf auth login

    Args:
        run: run folder of transnet train or transnet pretrain
        name: USER/NAME of the repository, made if it is not there
        license: license of the repository, as the hub calls it, such as apache-2.0; by default
            that of the backbone's weights
        private: make a repository that only you can see

    Returns:
        The address of the new revision.

    Raises:
        TransNetError: RUN is neither, its training has not ended, you are not logged in, or the
            hub refuses.
    """
    from transnet.checkpoints.segmenter import RECORD
    from transnet.checkpoints.segmenter_publishing import push_segmenter
    from transnet.inference.recognizer import load

    if (Path(run).expanduser() / RECORD).is_file():
        return push_segmenter(run, name, license=license, private=private)
    return load(run, device="cpu", unknown="off").push_to_hub(
        name, license=license, private=private
    )
