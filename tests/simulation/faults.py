"""The mixes of faults that the worlds are played with, and how a seed chooses among them."""

from __future__ import annotations

from tests.simulation.world import Faults, World

# Nothing is lost for good: the main path alone must come to its end, without the sweep.
LOSSLESS = Faults(
    crash_before=0.02, crash_after=0.02, ambiguous=0.02, throttle=0.03, slow=0.01, duplicate=0.1, delete_lost=0.05,
    late=0.1, repeated=0.03, capped=0.05, part_refused=0.02, redeploy=0.3, skew=0.1, stale_index=0.3, expiry_late=0.3,
    event_twice=0.1, not_in_service=0.1, callback_twice=0.1, callback_late=0.05, request_expired=0.03,
    model_twice=0.05, model_killed=0.05, model_error=0.05, stream_late=0.1, stream_twice=0.1, socket_gone=0.05,
    receiver_away=0.1, receiver_busy=0.1,
)  # fmt: skip
# Requests, callbacks and events are lost as well: what is left is the sweep's to repair.
EVERYTHING = Faults(
    crash_before=0.03, crash_after=0.03, ambiguous=0.03, throttle=0.05, slow=0.02, duplicate=0.15, delete_lost=0.1,
    late=0.15, repeated=0.05, backlog=0.2, capped=0.1, part_refused=0.05, redeploy=0.5, skew=0.15, stale_index=0.5, expiry_late=0.5,
    event_lost=0.15, event_twice=0.15, not_in_service=0.15, request_lost=0.1, request_expired=0.05,
    callback_lost=0.15, callback_twice=0.1, callback_late=0.1,
    model_error=0.15, model_twice=0.1, model_killed=0.1, garbage=0.1,
    stream_late=0.15, stream_twice=0.15, socket_gone=0.1, receiver_away=0.2, receiver_busy=0.2,
)  # fmt: skip
# Nothing fails, but everything comes twice, some of it is slow, and clocks disagree: functions meet at the same work.
CROWDED = Faults(duplicate=0.8, slow=0.1, skew=0.3, event_twice=0.8, stream_twice=0.8)
# Nothing fails, but for up to an hour the messages of most queues wait behind others.
BACKLOGGED = Faults(backlog=0.7)


def some_of(faults: Faults, seed: int) -> Faults:
    """Each fault is off in a third of the seeds; in the others it is rare or, now and then, twice as likely."""
    dice = World(seed)
    chosen = {
        name: getattr(faults, name) * (0.2 + 1.7 * dice.chance("intensity", name) ** 2)
        for name in faults.__slots__
        if name != "window_s" and dice.chance("off", name) > 0.35
    }
    return Faults(**chosen)
