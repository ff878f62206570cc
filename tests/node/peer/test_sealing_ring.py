"""Sealing keys are found while the node runs, and not looked for at every stranger's word."""

from __future__ import annotations

from keys.sealing import SealingKey
from node.peer.channels.sealing import LOOK_AGAIN_S, SealingRing


class TestSealingRing:
    """Rotation without a restart. docs/protocol.md §8.7."""

    def test_key_that_was_added_while_running_is_found(self) -> None:
        """The next push that is sealed to it opens."""
        old, new, now = SealingKey.generate(), SealingKey.generate(), [0.0]
        ring = SealingRing([old], lambda: [old, new], lambda: now[0])
        now[0] = LOOK_AGAIN_S

        assert ring.find(new.public.key_id) is new

    def test_unknown_ids_in_quick_succession_read_the_disk_once(self) -> None:
        """A hostile peer can't make us read files at will."""
        looks: list[int] = []
        now = [0.0]

        def look() -> tuple[SealingKey, ...]:
            looks.append(1)
            return ()

        ring = SealingRing([], look, lambda: now[0])
        now[0] = LOOK_AGAIN_S
        for number in range(100):
            ring.find(f"{number:016x}")

        assert looks == [1]

    def test_destroyed_key_is_gone_once_somebody_asks_for_another(self) -> None:
        """What was sealed to it stays closed."""
        old, now = SealingKey.generate(), [0.0]
        ring = SealingRing([old], tuple, lambda: now[0])
        now[0] = LOOK_AGAIN_S
        ring.find("0" * 16)

        assert ring.find(old.public.key_id) is None

    def test_forgotten_key_opens_nothing_more(self) -> None:
        """Memory lets go of what the disk let go of."""
        old, new = SealingKey.generate(), SealingKey.generate()
        ring = SealingRing([old, new], tuple)
        ring.forget([old.public.key_id])

        assert ring.find(old.public.key_id) is None
        assert ring.find(new.public.key_id) is new
