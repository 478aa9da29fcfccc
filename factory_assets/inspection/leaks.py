"""The leak guard: near copies of training images among those that a model is judged by.

A part that is photographed several times gives images that are almost the same. With some of them in training and
some in test, a model is asked what it has seen: on the magnetic tile images a nearest neighbour on thumbnails is 97 %
right so, and 57 % right where parts are kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

THUMBNAIL_PX = 24
NEAR_CORRELATION = 0.985
BLOCK = 1024
# Near to so many, and so large a share, of all training images: not a copy, but what all such parts look like.
ALIKE_IMAGES, ALIKE_SHARE = 20, 0.1


@dataclass(frozen=True)
class LeakReport:
    """Near copies of one split in another.

    Attributes:
        images: Images that are judged.
        share: Share of them that have a near copy in training.
        pairs: (judged, training, correlation), the closest first, at most twenty.
        alike_share: Share of them that are near to a tenth of all training images: parts in a fixture look so, and
            thumbnails cannot tell which of them are one part. They are not counted as copies.
    """

    images: int
    share: float
    pairs: tuple[tuple[str, str, float], ...]
    alike_share: float = 0.0


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """A frame as 24 x 24 grey values without mean, of length one: a product of two is their correlation.

    One that is all of one grey is like none, itself included: all its values are 0.

    Args:
        frame: uint8, (height, width) or (height, width, channels).

    Returns:
        float32, (576,).
    """
    import cv2

    grey = frame if frame.ndim == 2 else frame.mean(axis=2)
    small = cv2.resize(grey.astype(np.float32), (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA).ravel()
    small -= small.mean()
    length = float(np.linalg.norm(small))
    # Rounding leaves a little of the mean.
    return small / length if length > 1e-2 else np.zeros_like(small)


def near_pairs(
    thumbnails: np.ndarray, groups: Sequence[str | None], bound: float = NEAR_CORRELATION
) -> Iterator[tuple[int, int]]:
    """Pairs of images of different parts that are almost the same picture: each later one with the first like it.

    Args:
        thumbnails: (images, 576).
        groups: Images of one part share a group; None where it is not known.
        bound: Correlation from which on they count as the same.
    """
    known = {group: number for number, group in enumerate(dict.fromkeys(groups)) if group is not None}
    of = np.array([known.get(group, -1 - place) if group else -1 - place for place, group in enumerate(groups)])
    for start in range(0, len(thumbnails), BLOCK):
        block = thumbnails[start : start + BLOCK]
        alike = block @ thumbnails[: start + len(block)].T >= bound
        for row, near in enumerate(alike):
            place = start + row
            earlier = np.flatnonzero(near[:place] & (of[:place] != of[place]))
            if len(earlier):
                yield int(earlier[0]), place


def near_copies(
    judged: Mapping[str, np.ndarray], training: Mapping[str, np.ndarray], bound: float = NEAR_CORRELATION
) -> LeakReport:
    """Which judged images have a near copy among training images.

    Args:
        judged: Thumbnails by image.
        training: Thumbnails by image.
        bound: Correlation from which on two images count as the same.
    """
    if not judged or not training:
        return LeakReport(len(judged), 0.0, ())
    names, known = list(judged), list(training)
    learnt = np.stack(list(training.values()))
    closest: list[tuple[str, str, float]] = []
    lookalikes = 0
    for start in range(0, len(names), BLOCK):
        part = names[start : start + BLOCK]
        alike = np.stack([judged[name] for name in part]) @ learnt.T
        best, near = alike.argmax(axis=1), (alike >= bound).sum(axis=1)
        is_lookalike = near > max(ALIKE_IMAGES, ALIKE_SHARE * len(known))
        lookalikes += int(is_lookalike.sum())
        closest += [
            (name, known[place], float(alike[row, place]))
            for row, (name, place) in enumerate(zip(part, best, strict=True))
            if near[row] and not is_lookalike[row]
        ]
    closest.sort(key=lambda pair: -pair[2])
    count = len(names)
    return LeakReport(count, len(closest) / count, tuple(closest[:20]), lookalikes / count)


def found_groups(thumbnails: np.ndarray, bound: float = NEAR_CORRELATION) -> np.ndarray:
    """Groups of images that are near copies of one another, for manifests that name none.

    Args:
        thumbnails: (images, 576).
        bound: Correlation from which on two images belong together.

    Returns:
        The place of each image's group's first image.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(thumbnails)
    pairs = []
    for start in range(0, count, BLOCK):
        alike = thumbnails[start : start + BLOCK] @ thumbnails.T >= bound
        rows, columns = np.nonzero(alike)
        pairs.append(np.stack([rows + start, columns]))
    rows, columns = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), int)
    _, component = connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count)))
    _, first = np.unique(component, return_index=True)
    return np.asarray(np.asarray(first)[component])
