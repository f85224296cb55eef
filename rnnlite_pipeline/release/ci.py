"""Who builds, and from which commit, as the environment of a CI says it: GitHub Actions, GitLab CI.

A claim of the environment, which is not checked here; who signs the statement vouches for it.

Sources: GitHub, "Variables reference"; GitLab, "Predefined CI/CD variables reference"; SLSA
provenance v1, `runDetails.builder.id`, `metadata.invocationId`, `resolvedDependencies`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

#: The variables that are read; no secret is among them.
GITHUB = (
    "GITHUB_ACTIONS",
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_SHA",
    "GITHUB_REF",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_WORKFLOW_REF",
    "RUNNER_ENVIRONMENT",
)
GITLAB = (
    "GITLAB_CI",
    "CI_SERVER_URL",
    "CI_PROJECT_URL",
    "CI_COMMIT_SHA",
    "CI_COMMIT_REF_NAME",
    "CI_JOB_URL",
    "CI_RUNNER_ID",
)


class Builder(NamedTuple):
    """A build by a CI.

    Attributes:
        id: A URI of the builder.
        invocation: A URI of the run.
        repository: A URI of the repository and the ref, `git+URL@REF`.
        commit: The commit that is built.
        workflow: What describes the run in the repository; empty where it is not known.
    """

    id: str
    invocation: str
    repository: str
    commit: str
    workflow: str


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that are set."""
    return {n: environment[n] for n in (*GITHUB, *GITLAB) if environment.get(n)}


def builder(environment: Mapping[str, str] = os.environ) -> Builder | None:
    """What the environment says about the build; None where it is no CI, or says too little."""
    told = variables(environment)
    if told.get("GITHUB_ACTIONS") == "true" and all(name in told for name in GITHUB[1:6]):
        server, repository = told["GITHUB_SERVER_URL"], told["GITHUB_REPOSITORY"]
        kind = told.get("RUNNER_ENVIRONMENT", "self-hosted")
        run = f"{server}/{repository}/actions/runs/{told['GITHUB_RUN_ID']}"
        return Builder(
            id=f"https://github.com/actions/runner/{kind}",
            invocation=f"{run}/attempts/{told.get('GITHUB_RUN_ATTEMPT', '1')}",
            repository=f"git+{server}/{repository}@{told['GITHUB_REF']}",
            commit=told["GITHUB_SHA"],
            workflow=told.get("GITHUB_WORKFLOW_REF", ""),
        )
    if told.get("GITLAB_CI") == "true" and all(name in told for name in GITLAB[1:6]):
        return Builder(
            id=f"{told['CI_SERVER_URL']}/-/runners/{told.get('CI_RUNNER_ID', '')}",
            invocation=told["CI_JOB_URL"],
            repository=f"git+{told['CI_PROJECT_URL']}@{told['CI_COMMIT_REF_NAME']}",
            commit=told["CI_COMMIT_SHA"],
            workflow=".gitlab-ci.yml",
        )
    return None
