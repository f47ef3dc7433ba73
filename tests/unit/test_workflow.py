"""The workflow for GitHub, which cannot run here: at least it calls what there is."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_workflow_calls_targets_of_the_makefile() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    lines = "\n".join(step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"])
    called = set(re.findall(r"\bmake ([a-z0-9-]+)", lines))
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"lint", "test", "e2e", "images"} <= called <= targets
