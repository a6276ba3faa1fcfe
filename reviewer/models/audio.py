"""Recordings: WAV, MP3, FLAC or Ogg files, decoded once to make sure, and resampled for the model.

The rule: how long a recording may be is checked against what its header says before it is decoded, and
against what comes out while it is.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reviewer.config import AudioSpec
from reviewer.errors import InputError
from reviewer.log.media import Keep, MediaStore
from reviewer.models.files import check_size, find_bytes, find_ending
from reviewer.records import JsonValue

if TYPE_CHECKING:
    import numpy as np
    import soundfile

    Samples = np.ndarray[Any, np.dtype[np.float32]]

AUDIO_ENDINGS = {"WAV": "wav", "WAVEX": "wav", "MP3": "mp3", "FLAC": "flac", "OGG": "ogg"}
"""libsndfile's name of each format that is taken → the ending of its files."""

_UNREADABLE = "is no recording that can be read; use WAV, MP3, FLAC or Ogg."

_RATES = (1000, 384_000)
_MOST_CHANNELS = 8
_BLOCK = 1 << 16
"""Frames decoded at a time."""

_SILENCE = 0.001
"""The loudest sample of a recording in which nobody hears anything (-60 dB)."""


def check_audio(spec: AudioSpec, value: Any, keep: Keep) -> JsonValue:
    """Return the stored form of a recording; raises `InputError`.

    A value is a path, bytes, a data URL, (samples per second, array) or a stored form.
    """
    if isinstance(value, Mapping) and isinstance(value.get("media"), str):
        return {"media": value["media"]}
    data = find_bytes(value, "audio", "data:audio/wav;base64,…")
    data = _encode_wav(value) if data is None else data
    check_size(data, spec.max_bytes)
    with _open(data) as file:
        ending = AUDIO_ENDINGS[file.format]
        if not sum(len(block) for block in _decode(spec, file)):
            raise InputError("is an empty recording; record or upload one with sound.")
    return {"media": keep(data, ending)}


def read_audio(spec: AudioSpec, stored: JsonValue, media: MediaStore) -> tuple[int, Samples]:
    """Return (samples per second, samples): float32 from -1 to 1, one-dimensional when the config says mono.

    Otherwise the samples are frames × channels. They are resampled to the config's rate when it names one.
    """
    import numpy as np

    with _open(media.read(stored["media"])) as file:
        rate = int(file.samplerate)
        samples = np.concatenate(list(_decode(spec, file)) or [np.zeros((0, 1), np.float32)])
    if spec.mono:
        samples = samples.mean(axis=1)
    if spec.rate and spec.rate != rate:
        samples, rate = _resample(samples, rate, spec.rate), spec.rate
    return rate, np.clip(samples, -1, 1).astype(np.float32, copy=False)


def find_audio_oddity(spec: AudioSpec, stored: JsonValue, media: MediaStore) -> str:
    """Return what is odd about a recording that is allowed, "" when nothing is."""
    with _open(media.read(stored["media"])) as file:
        seconds = file.frames / file.samplerate
        loudest = max((float(abs(block).max()) for block in _decode(spec, file) if block.size), default=0.0)
    if loudest < _SILENCE:
        return "is silent; check the microphone."
    return f"lasts only {seconds:.2g} seconds." if seconds < 0.1 else ""


def _open(data: bytes) -> soundfile.SoundFile:
    """Return the recording, ready to be decoded; raises `InputError` for anything else."""
    import soundfile

    if find_ending(data, "") not in AUDIO_ENDINGS.values():
        raise InputError(_UNREADABLE)
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError):
        raise InputError(_UNREADABLE) from None
    if file.format not in AUDIO_ENDINGS or not _RATES[0] <= file.samplerate <= _RATES[1]:
        file.close()
        raise InputError(_UNREADABLE)
    if file.channels > _MOST_CHANNELS:
        file.close()
        raise InputError(f"has {file.channels} channels; at most {_MOST_CHANNELS} are taken.")
    return file


def _decode(spec: AudioSpec, file: soundfile.SoundFile) -> Iterator[Samples]:
    """Yield the samples in blocks of frames × channels; raises `InputError` when there are too many."""
    import numpy as np
    import soundfile

    most = math.ceil(spec.max_seconds * file.samplerate)
    _check_length(spec, file.frames, most, file.samplerate)
    done = 0
    try:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            done += len(block)
            _check_length(spec, done, most, file.samplerate)
            if not np.isfinite(block).all():
                raise InputError("holds samples that are no numbers; record it again.")
            yield block
    except soundfile.SoundFileError:
        raise InputError(_UNREADABLE) from None


def _check_length(spec: AudioSpec, frames: int, most: int, rate: int) -> None:
    if frames > most:
        raise InputError(f"lasts {frames / rate:,.1f} seconds; at most {spec.max_seconds:g} are taken.")


def _resample(samples: Samples, old: int, new: int) -> Samples:
    from scipy.signal import resample_poly

    common = math.gcd(old, new)
    resampled: Samples = resample_poly(samples, new // common, old // common, axis=0)
    return resampled


def _encode_wav(value: Any) -> bytes:
    """Return (samples per second, array) as a WAV file; the same samples always give the same bytes."""
    import numpy as np
    from scipy.io import wavfile

    try:
        rate, samples = value
        array = np.asarray(samples)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        buffer = io.BytesIO()
        wavfile.write(buffer, int(rate), array)
    except Exception:
        # SciPy raises many kinds of errors on arrays that are no sound.
        raise InputError(
            f"is no recording ({type(value).__name__}); give a data URL, a path, or samples per second and an"
            " array of samples."
        ) from None
    return buffer.getvalue()
