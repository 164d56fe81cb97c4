"""The modes that worlds are played in: which faults there are, what users do, and what must hold besides.

`pipeline_of(mode, seed)` is a world ready to be played; `run()` on it gives the violations that were seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.adversary import Adversary
from tests.simulation.calm import Calm
from tests.simulation.faults import BACKLOGGED, CROWDED, EVERYTHING, LOSSLESS, some_of
from tests.simulation.halting import HaltedPipeline
from tests.simulation.outage import Blackout
from tests.simulation.overload import Overload
from tests.simulation.pipeline import Pipeline, Sizes
from tests.simulation.realtime import Realtime
from tests.simulation.upgrade import Upgrade
from tests.simulation.world import Faults, Strike, World

JOBS = 6
NOTHING = Faults()


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode; of a mixed one's faults, a seed chooses some."""

    about: str
    faults: Faults = NOTHING
    is_mixed: bool = False
    has_sweep: bool = True
    removals: float = 0.0  # the share of users who remove what they have
    kind: type[Pipeline] = Pipeline
    share: float = 1.0  # of a campaign's seeds that are played in it: some worlds are large


MODES = {
    "full": Mode("everything may fail", EVERYTHING, is_mixed=True),
    "primary": Mode("nothing is lost, and no sweep hides what is", LOSSLESS, is_mixed=True, has_sweep=False),
    "calm": Mode("nothing fails, and nothing needs repair", kind=Calm),
    "outage": Mode("one service is down for half an hour", kind=Blackout),
    "overload": Mode("a tenant brings a hundred times as much as others", kind=Overload, share=0.02),
    "halted": Mode("an operator stops what costs money for a while", EVERYTHING, is_mixed=True, kind=HaltedPipeline),
    "realtime": Mode(
        "an endpoint that answers at once, and everything may fail", EVERYTHING, is_mixed=True, kind=Realtime
    ),
    "upgrade": Mode("another version takes the place of all functions, and perhaps gives way again", kind=Upgrade),
    "adversary": Mode("a hostile tenant beside honest ones", kind=Adversary, share=0.2),
    "crowded": Mode("everything comes twice, and some of it is slow", CROWDED),
    "backlogged": Mode("most queues have a long line for a while", BACKLOGGED),
    "removing": Mode("everything may fail, and users remove what they have", EVERYTHING, is_mixed=True, removals=0.7),
    "clearing": Mode("everything comes twice, and users remove what they have", CROWDED, removals=0.7),
}


def pipeline_of(mode: str, seed: int, *, jobs: int = JOBS, only: frozenset[Strike] | None = None) -> Pipeline:
    """The world of a seed with the product in it; with `only`, these strikes are all that happens to it.

    Small jobs find nearly everything: of ten worlds nine have jobs of one or two images, and one of up to six. In every
    other world each image is a chunk of its own, and in half of the rest the images of a chunk are rendered together.
    """
    chosen = MODES[mode]
    world = World(seed, some_of(chosen.faults, seed) if chosen.is_mixed else chosen.faults, only)
    pipeline = chosen.kind(world, jobs=jobs, with_sweep=chosen.has_sweep, removals=chosen.removals)
    if type(pipeline) is Pipeline:
        pipeline.images = 6 if seed % 10 == 9 else 2
        pipeline.sizes = Sizes(chunk_items=1 + seed % 2, renderings=1 if seed // 2 % 2 else 50)
    return pipeline
