"""Pages and exposures that repeat the models' questions agree with the models."""

import re
from typing import Any

import pytest
import yaml

from cli.settings import ROOT


def _asked() -> dict[str, tuple[str, str]]:
    """Return, by model, its number ("" if it has none) and its question."""
    found = {}
    for file in (ROOT / "models").glob("**/*.yml"):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            meta: Any = model.get("config", {}).get("meta", {})
            if "question" in meta:
                number = str(meta.get("number", ""))
                found[model["name"]] = (number, meta["question"])
    return found


def _numbered() -> set[str]:
    return {model for model, (number, _) in _asked().items() if number}


@pytest.mark.parametrize("page", ["README.md", "models/docs/overview.md"])
def test_table_of_questions_agrees_with_the_models(page: str) -> None:
    text = (ROOT / page).read_text()
    rows = re.findall(r"^\| (\d?) ?\| ([^|]+\?) \| .*?(\w+_\w+)", text, re.MULTILINE)
    shown = {model: (number, question) for number, question, model in rows}
    assert shown.items() <= _asked().items()
    assert _numbered() <= shown.keys()


def test_exposures_read_every_model_with_a_numbered_question() -> None:
    exposures = yaml.safe_load((ROOT / "models" / "exposures.yml").read_text())
    for exposure in exposures["exposures"]:
        read = set(re.findall(r"ref\('(\w+)'\)", str(exposure["depends_on"])))
        assert _numbered() <= read, exposure["name"]
