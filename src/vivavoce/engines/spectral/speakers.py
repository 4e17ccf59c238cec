"""Who speaks when: speech grouped by voice, and the voices remembered.

What a second of somebody's speech has in common is uncertain, because the words differ: the more speech, the
surer. Two groups of speech are one speaker when their means differ by no more than what words make of so
much, or so little, speech. The measure of that is the speech itself: how its frames scatter within a second.
No voice is known beforehand, and none has to be.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vivavoce.engines.spectral.voice import FRAMES_PER_S, SIZE, Flags, Floats, Voice

STEP: Final = 5
"""Frames of one step, 50 ms: who speaks is decided for each."""
WINDOW: Final = 100
"""Frames of speech that are compared as one piece: 1 s."""
STRIDE: Final = 50

PITCH_SPREAD: Final = 0.3
"""Octaves by which the pitch of one speaker wanders."""
CHANCE: Final = 3.0
"""Squared distance that one second of voiced speech lies off by chance."""
SWITCH: Final = 6.0
"""What a change of speaker costs, as evidence."""
CORRELATED: Final = 6.0
"""So many frames say as much as one: neighbours are alike."""
LEAST_S: Final = 0.8
"""Voiced speech that it takes to be somebody."""
SETTLED_S: Final = 120.0
"""After so much speech a voice is known; what comes later counts no more than what came before, so that it
may age."""
PRIOR_FRAMES: Final = 60
"""So many frames weigh as much as the assumption that the features scatter independently."""

Steps = npt.NDArray[np.int64]


class Speaker:
    """A voice: where its frames lie, and how much was heard of it."""

    __slots__ = ("mean", "voiced_s")

    def __init__(self, mean: Floats, voiced_s: float) -> None:
        self.mean = mean
        self.voiced_s = voiced_s

    def hear(self, mean: Floats, voiced_s: float) -> None:
        """More of it."""
        whole = self.voiced_s + voiced_s
        self.mean = self.mean + (mean - self.mean) * (voiced_s / whole)
        self.voiced_s = min(whole, SETTLED_S)


class Speakers:
    """Everybody who was heard, in the order in which they were first heard."""

    def __init__(self, *, threshold: float, most: int) -> None:
        self._threshold = threshold**2
        self._most = most
        self._known: list[Speaker] = []
        self._scatter: Floats = np.zeros((SIZE, SIZE))
        self._frames = 0.0
        self._last = 0

    def __len__(self) -> int:
        return len(self._known)

    def attribute(self, voice: Voice) -> Steps:
        """The index of the speaker of every `STEP` frames, `(ceil(n / STEP),)`; -1 where nobody speaks."""
        voiced = voice.speech & np.isfinite(voice.features[:, -1])
        windows = _windows(voice.features, voiced)
        if not windows:
            return self._spoken(voice.speech, np.full(-(-len(voiced) // STEP), self._last))
        self._measure(voice.features, windows)
        whitened = _whitening(self._scatter / self._frames, self._frames)
        frames = voice.features @ whitened
        known = [Speaker(each.mean @ whitened, each.voiced_s) for each in self._known]
        found = known + self._group(frames, windows, known)
        for _ in range(3):
            steps = _decode(frames, voiced, found)
            found, stays = _heard_again(frames, voiced, steps, found, len(known))
            if stays:
                break
        steps = _decode(frames, voiced, found)
        return self._spoken(voice.speech, self._remember(voice.features, voiced, steps, len(found)))

    def _measure(self, features: Floats, windows: list[Steps]) -> None:
        """How much the frames of one voice scatter, from all that was heard."""
        for window in windows:
            rest = features[window] - features[window].mean(axis=0)
            self._scatter += rest.T @ rest
            self._frames += len(window)
        if self._frames > SETTLED_S * FRAMES_PER_S:
            self._scatter *= SETTLED_S * FRAMES_PER_S / self._frames
            self._frames = SETTLED_S * FRAMES_PER_S

    def _group(self, frames: Floats, windows: list[Steps], known: list[Speaker]) -> list[Speaker]:
        """The speakers of these windows that are not known yet."""
        means = np.array([each.mean for each in known] + [frames[each].mean(axis=0) for each in windows])
        # Windows overlap: each counts for the speech that it adds.
        seconds = np.array(
            [each.voiced_s for each in known] + [min(STRIDE, len(each)) / FRAMES_PER_S for each in windows]
        )
        new = [False] * len(known) + [True] * len(windows)
        alive = np.ones(len(means), np.bool_)
        while alive.sum() > 1:
            distances = _distances(means, seconds)
            distances[~alive] = distances[:, ~alive] = np.inf
            distances[: len(known), : len(known)] = np.inf
            np.fill_diagonal(distances, np.inf)
            one, other = sorted(divmod(int(np.argmin(distances)), len(means)))
            if distances[one, other] > self._threshold:
                break
            whole = seconds[one] + seconds[other]
            means[one] += (means[other] - means[one]) * (seconds[other] / whole)
            seconds[one] = whole
            alive[other] = False
        found = [
            Speaker(means[each], float(seconds[each]))
            for each in np.flatnonzero(alive)
            if new[each] and seconds[each] >= LEAST_S
        ]
        found.sort(key=lambda each: -each.voiced_s)
        if not known and not found:
            return [Speaker(means[np.argmax(seconds)], float(seconds.max()))]
        return found[: self._most - len(known)]

    def _remember(self, features: Floats, voiced: Flags, steps: Steps, found: int) -> Steps:
        """Learn what was heard of everybody, and give those who are new their places."""
        places = np.arange(found)
        by_frame = _by_frame(steps, len(voiced))
        fresh = [each for each in dict.fromkeys(steps.tolist()) if each >= len(self._known)]
        for place, each in enumerate(fresh, len(self._known)):
            places[each] = place
        for each in dict.fromkeys(steps.tolist()):
            mine = voiced & (by_frame == each)
            count = int(mine.sum())
            if places[each] >= len(self._known):
                self._known.append(Speaker(features[mine].mean(axis=0), count / FRAMES_PER_S))
            elif count:
                self._known[places[each]].hear(features[mine].mean(axis=0), count / FRAMES_PER_S)
        return places[steps]

    def _spoken(self, speech: Flags, steps: Steps) -> Steps:
        """The same with -1 where nobody speaks."""
        if not self._known:
            # Sounds that are no voice: somebody made them.
            self._known.append(Speaker(np.zeros(SIZE), 1e-3))
        if len(steps):
            self._last = int(steps[-1])
        return np.where(_per_step(speech.astype(np.float64)) > 0, steps, -1)


def _windows(features: Floats, voiced: Flags) -> list[Steps]:
    """The voiced frames of pieces of a second, each half of the next; a rest joins the last."""
    frames = np.flatnonzero(voiced)
    if len(frames) < FRAMES_PER_S * 0.3:
        return []
    starts = range(0, max(1, len(frames) - WINDOW - STRIDE), STRIDE)
    return [frames[start : start + WINDOW] for start in starts]


def _whitening(scatter: Floats, frames: float) -> Floats:
    """The matrix that makes frames scatter alike in every direction."""
    own = scatter.copy()
    own[-1, :] = own[:, -1] = 0.0
    diagonal = np.diag(np.diag(own)) + np.eye(SIZE) * 1e-3
    share = frames / (frames + PRIOR_FRAMES)
    mixed = own * share * 0.95 + diagonal * (1 - share * 0.95)
    mixed[-1, -1] = PITCH_SPREAD**2
    return np.linalg.cholesky(np.linalg.inv(mixed))


def _distances(means: Floats, seconds: Floats) -> Floats:
    """Squared distances of all pairs, less what chance makes of so much speech."""
    squares = np.sum(means**2, axis=1)
    apart = squares[:, np.newaxis] + squares - 2 * means @ means.T
    chance = CHANCE / seconds
    return np.asarray(apart - chance[:, np.newaxis] - chance)


def _per_step(values: Floats) -> Floats:
    """Sums over steps, of `(n,)` or `(n, k)`."""
    missing = -len(values) % STEP
    padded = np.concatenate((values, np.zeros((missing, *values.shape[1:]))))
    return np.asarray(padded.reshape(-1, STEP, *values.shape[1:]).sum(axis=1))


def _by_frame(steps: Steps, count: int) -> Steps:
    return np.repeat(steps, STEP)[:count]


def _decode(frames: Floats, voiced: Flags, speakers: list[Speaker]) -> Steps:
    """The likeliest speaker of every step, where every change has its price (Viterbi)."""
    far = np.stack([np.sum((frames - each.mean) ** 2, axis=1) for each in speakers], axis=1)
    cost = _per_step(np.where(voiced[:, np.newaxis], far, 0.0)) / (2 * CORRELATED)
    best = cost[0]
    came_from = np.zeros(cost.shape, np.int64)
    stay = np.arange(len(speakers))
    for index in range(1, len(cost)):
        cheapest = int(np.argmin(best))
        change = best[cheapest] + SWITCH
        came_from[index] = np.where(best <= change, stay, cheapest)
        best = np.minimum(best, change) + cost[index]
    steps = np.empty(len(cost), np.int64)
    steps[-1] = np.argmin(best)
    for index in range(len(cost) - 1, 0, -1):
        steps[index - 1] = came_from[index, steps[index]]
    return steps


def _heard_again(
    frames: Floats, voiced: Flags, steps: Steps, found: list[Speaker], known: int
) -> tuple[list[Speaker], bool]:
    """The speakers as they sound in what they were given; those who are new and were given next to nothing
    are nobody. And whether everybody is still there."""
    by_frame = _by_frame(steps, len(voiced))
    kept = found[:known]
    for index in range(known, len(found)):
        mine = voiced & (by_frame == index)
        voiced_s = float(mine.sum()) / FRAMES_PER_S
        if voiced_s >= LEAST_S or (not known and len(found) == 1):
            kept.append(Speaker(frames[mine].mean(axis=0), voiced_s))
    return (kept, len(kept) == len(found)) if kept else (found[:1], True)
