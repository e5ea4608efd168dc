"""Writes web/rhythm-vectors.json: which frames a front end sends for which keys, for clients in any language.

``.venv/bin/python -m local.playing.vectors`` writes it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.playing.rhythm import FrameDue, StopDue, frames_due

VECTORS = Path(__file__).parents[2] / "web/rhythm-vectors.json"
DEBOUNCE_MS, HEARTBEAT_MS = 2000, 1000
_HOW = (
    "Times in ms of one clock. The client is connected from 0 on and presses a key at each of `keys`. At `hidden` the "
    "page is hidden. No timer runs in `asleep`, from its first time to its last. In `offline` there is no connection: "
    "it is lost at the first time, which ends the typing at the relay, and welcomed again at the last. `frames` are "
    "those that it sends."
)


@dataclass(frozen=True, slots=True)
class Scene:
    """Keys, and what happens to the page (ms). ``asleep`` begins after the last key, and ``offline`` ends after it."""

    name: str
    keys: tuple[int, ...]
    hidden: int | None = None
    asleep: tuple[int, int] | None = None
    offline: tuple[int, int] | None = None


SCENES = (
    Scene("one key", (0,)),
    Scene("two keys", (0, 300)),
    Scene("a pause of a debounce to the ms is two bursts", (0, 2000)),
    Scene("a pause of a ms less is one", (0, 1999)),
    Scene("ten seconds of keys", tuple(range(0, 10_001, 270))),
    Scene("slow keys", (0, 1900, 3800, 5700, 7600)),
    Scene("a key just before the end of a hold", (0, 1500, 3000, 3999, 5900)),
    Scene("a page hidden while its visitor types", (0, 400), hidden=700),
    Scene("a page hidden after the burst", (0, 400), hidden=5000),
    Scene("a page hidden long after the newest frame", (0, 1500, 3000, 3900), hidden=5500),
    Scene("a timer a second late", (0,), asleep=(100, 3000)),
    Scene("a machine that slept beyond the hold", (0,), asleep=(100, 60_000)),
    Scene("a connection lost in a burst whose key was told", (0,), offline=(700, 1200)),
    Scene("a connection lost in a burst whose newest key was not told", (0, 400), offline=(700, 1200)),
    Scene("a key without a connection, still fresh when it is back", (0, 5000), offline=(3000, 5800)),
    Scene("a key without a connection, stale when it is back", (0, 5000), offline=(3000, 9000)),
)


def frames(scene: Scene, hold_ms: int) -> list[dict[str, Any]]:
    """The frames of this scene, each with the time ``at`` which it is sent; ``hold_ms`` 0: no holds."""
    if scene.offline:
        return _around(scene, *scene.offline, hold_ms)
    until = float("inf") if scene.hidden is None else scene.hidden
    over_at = scene.keys[-1] + DEBOUNCE_MS
    sent: list[dict[str, Any]] = []
    for due in frames_due(scene.keys, HEARTBEAT_MS, hold_ms, DEBOUNCE_MS):
        if due.at >= until:
            continue
        late = 0
        if scene.asleep and scene.asleep[0] <= due.at:
            late = max(0, scene.asleep[1] - due.at)
        if due.at + late - scene.keys[-1] < hold_ms or late == 0:
            sent.append({"at": due.at + late, **due.frame(late)})
    if scene.hidden is not None and scene.hidden < over_at:
        sent.append({"at": scene.hidden, "action": "stop", **({"ago_ms": 0} if hold_ms else {})})
    return sent


def _around(scene: Scene, lost_at: int, back_at: int, hold_ms: int) -> list[dict[str, Any]]:
    """Where the connection is away: what the relay knows of ends with it, a fresh key that it does not know is told."""
    earlier = [key for key in scene.keys if key < lost_at]
    due = [one for one in frames_due(earlier, HEARTBEAT_MS, hold_ms, DEBOUNCE_MS) if one.at < lost_at]
    sent = [{"at": one.at, **one.frame()} for one in due]
    told_key_at = max(one.at - one.ago for one in due if isinstance(one, FrameDue))
    newest = scene.keys[-1]
    if newest > told_key_at and back_at - newest < DEBOUNCE_MS:
        sent.append({"at": back_at, **FrameDue(back_at, back_at - newest, hold_ms).frame()})
        if hold_ms:
            sent.append({"at": newest + DEBOUNCE_MS, **StopDue(newest + DEBOUNCE_MS).frame()})
    return sent


def vectors() -> dict[str, Any]:
    """What the file says."""
    found = []
    for scene in SCENES:
        for hold_ms in (6000, 0):
            happens = {"hidden": scene.hidden, "asleep": scene.asleep, "offline": scene.offline}
            found.append(
                {
                    "name": f"{scene.name}, {'held' if hold_ms else 'without holds'}",
                    "timings": {"debounce_ms": DEBOUNCE_MS, "heartbeat_ms": HEARTBEAT_MS}
                    | ({"hold_ms": hold_ms} if hold_ms else {}),
                    "keys": list(scene.keys),
                    **{what: list(at) if isinstance(at, tuple) else at for what, at in happens.items() if at},
                    "frames": frames(scene, hold_ms),
                }
            )
    return {"how": _HOW, "vectors": found}


def text() -> str:
    """The file: a vector a line, so that a change is seen."""
    made = vectors()
    lines = ",\n".join(f"    {json.dumps(vector)}" for vector in made["vectors"])
    return f'{{\n  "how": {json.dumps(made["how"])},\n  "vectors": [\n{lines}\n  ]\n}}\n'


if __name__ == "__main__":
    VECTORS.write_text(text())
