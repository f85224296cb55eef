"""What stands under deploy/, and what does not."""

from __future__ import annotations

from rnnlite_pipeline.release.deploy.deployment import Deployment
from rnnlite_pipeline.release.deploy.text import written


def readme(deployment: Deployment) -> str:
    """The text of the file; also what must be given to LiteRT before it loads the model."""
    flex = [code for code in deployment.missing if code.startswith("Flex")]
    custom = [code for code in deployment.missing if code not in flex]
    return written("README.md", {"model": deployment, "flex": flex, "custom": custom})
