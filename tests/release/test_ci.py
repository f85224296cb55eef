"""What the environment of a CI says about a build."""

from __future__ import annotations

import pytest

from rnnlite_pipeline.release.ci import Builder, builder, variables

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "me/models",
    "GITHUB_SHA": "abc",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "7",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://lab.example",
    "CI_PROJECT_URL": "https://lab.example/me/models",
    "CI_COMMIT_SHA": "abc",
    "CI_COMMIT_REF_NAME": "main",
    "CI_JOB_URL": "https://lab.example/me/models/-/jobs/9",
}


def test_github() -> None:
    """Runner, run and ref as URIs; what is not set has a default."""
    more = {
        "GITHUB_RUN_ATTEMPT": "3",
        "RUNNER_ENVIRONMENT": "github-hosted",
        "GITHUB_WORKFLOW_REF": "me/models/.github/workflows/r.yml@refs/heads/main",
    }
    assert builder(GITHUB | more) == Builder(
        "https://github.com/actions/runner/github-hosted",
        "https://github.com/me/models/actions/runs/7/attempts/3",
        "git+https://github.com/me/models@refs/heads/main",
        "abc",
        more["GITHUB_WORKFLOW_REF"],
    )
    found = builder(GITHUB)
    assert found is not None
    assert found.id.endswith("/self-hosted")
    assert found.invocation.endswith("/runs/7/attempts/1")
    assert found.workflow == ""


def test_gitlab() -> None:
    """Runner, job and ref as URIs."""
    assert builder(GITLAB | {"CI_RUNNER_ID": "12"}) == Builder(
        "https://lab.example/-/runners/12",
        "https://lab.example/me/models/-/jobs/9",
        "git+https://lab.example/me/models@main",
        "abc",
        ".gitlab-ci.yml",
    )


@pytest.mark.parametrize("full", [GITHUB, GITLAB])
def test_half_of_it_is_nothing(full: dict[str, str]) -> None:
    """Where a variable is missing or empty, or the CI says that it is none, there is no builder."""
    assert builder(full) is not None
    for name in full:
        assert builder({k: v for k, v in full.items() if k != name}) is None, name
        assert builder(full | {name: ""}) is None, name
    assert builder(full | {next(iter(full)): "false"}) is None
    assert builder({}) is None


def test_only_known_variables_are_read() -> None:
    """No secret of the environment is among them."""
    assert variables(GITHUB | {"GITHUB_TOKEN": "secret", "CI_RUNNER_ID": ""}) == GITHUB
