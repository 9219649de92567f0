"""``transnet push``: publish a run on the Hugging Face Hub."""

from __future__ import annotations


def push(run: str, name: str, *, license: str | None = None, private: bool = False) -> str:
    """Publish a trained run on the Hugging Face Hub, with a model card that states its scores.

    It is then used as hf-hub:USER/NAME wherever a RUN is named. Log in once with: hf auth login

    Args:
        run: run folder of transnet train
        name: USER/NAME of the repository, made if it is not there
        license: license of the repository, as the hub calls it, such as apache-2.0; by default
            that of the backbone's weights
        private: make a repository that only you can see

    Returns:
        The address of the new revision.

    Raises:
        TransNetError: RUN is not a trained run, you are not logged in, or the hub refuses.
    """
    from transnet.inference.recognizer import load

    return load(run, device="cpu", unknown="off").push_to_hub(
        name, license=license, private=private
    )
