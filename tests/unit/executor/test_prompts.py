"""Which text a generating node works from."""

import pytest

from executor_service.executors.prompts import MAX_PROMPT_CHARS, choose_prompt
from executor_service.task import Config, ErrorType, GiveUp
from tests.unit.executor.builders import a_task


@pytest.mark.parametrize(
    ("given", "config", "title", "expected"),
    [
        ("from the script", {"text": "from config"}, "from the title", "from the script"),
        (None, {"text": "  from config "}, "from the title", "from config"),
        (None, {"text": "   "}, "from the title", "from the title"),
        (None, {}, " from the title ", "from the title"),
    ],
)
def test_prompt_is_the_input_or_the_config_or_the_title(
    given: str | None, config: Config, title: str, expected: str
) -> None:
    task = a_task("generate-voiceover", config=config, title=title)

    assert choose_prompt(task, given, slot="script", config_key="text") == expected


@pytest.mark.parametrize(
    ("given", "config", "words"),
    [
        ("  ", {"text": "x"}, "inputs.script: the text is empty"),
        (None, {}, "expected inputs.script, config.text or a title"),
        (None, {"text": 5}, "config.text: expected text, found a number"),
        ("x" * (MAX_PROMPT_CHARS + 1), {}, "at most"),
    ],
)
def test_prompt_that_is_missing_or_wrong_gives_up_as_invalid_input(
    given: str | None, config: Config, words: str
) -> None:
    with pytest.raises(GiveUp, match=words) as caught:
        choose_prompt(a_task("generate-voiceover", config=config), given, slot="script", config_key="text")
    assert caught.value.failure.error_type is ErrorType.INVALID_INPUT
