"""ElevenLabs in the words of `bought_at_once`: a script becomes speech, in as many requests as the model needs."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import structlog

from executor_service.executors import config_values
from executor_service.executors.bought_at_once import Made
from executor_service.executors.config_values import invalid
from executor_service.executors.context import Context
from executor_service.executors.prompts import prompt_of
from executor_service.executors.sentences import parts
from executor_service.executors.vendor import InDoubt
from executor_service.integrations import prices
from executor_service.integrations.elevenlabs import DEFAULT_MODEL, MP3, PCM, PCM_RATE, ElevenLabs, Speech, longest_s
from executor_service.integrations.mp3 import to_mp3
from executor_service.integrations.vendor_errors import Away, Refused
from executor_service.task import GiveUp, Learned, MediaType, Progress, PurchaseOutcome, Task
from servicekit.object_store import ObjectStore

_USUAL_S = 30.0
"""What a request takes when it is taken."""
Script: TypeAlias = Sequence[Speech]
"""What is spoken, a request each, in order."""


class ElevenLabsMaker:
    def __init__(self, elevenlabs: ElevenLabs, store: ObjectStore) -> None:
        self._elevenlabs = elevenlabs
        self._store = store
        self._log = structlog.get_logger("executor.elevenlabs")

    @property
    def in_doubt(self) -> InDoubt:
        """A voiceover is cheap: it is made once more before a person is asked."""
        return InDoubt(resubmissions=1)

    async def prepare(self, task: Task, context: Context) -> Script:
        del context
        voice_id = config_values.text(task.config, "voiceId")
        if voice_id is None:
            raise invalid("config.voiceId: expected the id of a voice, found none")
        text = await prompt_of(task, self._store, slot="script", config_key="text")
        speech = Speech(
            text=text,
            voice_id=voice_id,
            model_id=config_values.text(task.config, "modelId") or DEFAULT_MODEL,
            stability=config_values.number(task.config, "stability", low=0, high=1),
            similarity_boost=config_values.number(task.config, "similarityBoost", low=0, high=1),
        )
        limit = await self._elevenlabs.most_characters(speech.model_id)
        return [replace(speech, text=part) for part in parts(text, limit=limit)]

    def longest_s(self, order: Script) -> float:
        return sum(longest_s(len(speech.text)) for speech in order)

    async def make(self, order: Script, context: Context) -> Made:
        sounds: list[Path] = []
        for number, speech in enumerate(order):
            context.report_progress(Progress(stage="speaking", fraction=number / len(order)))
            sound = context.folder / f"part-{number}"
            await self._speak(
                speech, sound, context, output_format=MP3 if len(order) == 1 else PCM, paid=order[:number]
            )
            sounds.append(sound)
        path = sounds[0] if len(sounds) == 1 else await _joined(sounds)
        return Made(path=path, type=MediaType.AUDIO, cost_micros=_cost_micros(order))

    async def _speak(self, speech: Speech, into: Path, context: Context, *, output_format: str, paid: Script) -> None:
        """One request. Behind others it waits for its turn, since what is paid already would be lost."""
        while True:
            try:
                spoken = await self._elevenlabs.speak(speech, into, output_format=output_format)
                break
            except Refused as refused:
                if not paid:
                    raise
                if refused.retry_after is None:
                    lost = Learned(outcome=PurchaseOutcome.FAILED, cost_micros=_cost_micros(paid))
                    raise GiveUp(refused.error_type, str(refused), purchase=lost) from refused
                wait_s = refused.retry_after.total_seconds()
                if context.time_left_s() < wait_s + _USUAL_S:
                    raise Away(f"{len(paid)} requests are paid, and the next one is not taken: {refused}") from refused
                await asyncio.sleep(wait_s)
        self._log.info(
            "speech_made",
            request_id=spoken.request_id,
            character_cost=spoken.character_cost,
            characters=len(speech.text),
            model=speech.model_id,
        )


async def _joined(sounds: Sequence[Path]) -> Path:
    """Samples end to end: the frames of MP3 would leave a gap at each end."""
    samples, whole = sounds[0].with_name("samples"), sounds[0].with_name("whole.mp3")
    await asyncio.to_thread(_append, sounds, samples)
    await to_mp3(samples, whole, pcm_rate=PCM_RATE)
    return whole


def _append(sounds: Sequence[Path], samples: Path) -> None:
    with samples.open("wb") as file:
        for sound in sounds:
            with sound.open("rb") as part:
                shutil.copyfileobj(part, file)


def _cost_micros(speeches: Script) -> int | None:
    """ElevenLabs states credits, whose price is each customer's own: this is the list price."""
    characters = sum(len(speech.text) for speech in speeches)
    return prices.cost_micros("elevenlabs", speeches[0].model_id, characters)
