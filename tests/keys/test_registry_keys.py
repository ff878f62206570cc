"""The registry's own keys: roots, thresholds, and what is no key of anybody."""

from __future__ import annotations

import dataclasses

import pytest
from tuf.api.metadata import (
    Root,
    Targets,
    Timestamp,
)

from keys.errors import WeakKeyError
from keys.registry import (
    metadata_name,
    verify_chain,
)
from keys.signing import SigningKey
from node.registry import build
from tests.builders.forge import forge, next_root
from tests.builders.network import (
    Umbrella,
    make_umbrella,
)
from tests.keys.registries import NOW, refused


class TestRoot:
    """The chain from the pin."""

    def test_another_network_with_the_same_name_is_not_ours(self, umbrella: Umbrella) -> None:
        """The pin is the fingerprint, not the name."""
        refused(umbrella, dict(make_umbrella().files), "another fingerprint")

    def test_a_next_root_needs_the_holders_of_the_one_before(self, umbrella: Umbrella) -> None:
        """A thief of nothing cannot append a root with keys of its own."""
        thief = SigningKey.generate(hybrid=False)

        def take_over(root: Root) -> None:
            root.add_key(build.tuf_key(thief.public.ed25519), Root.type)

        forged = next_root(umbrella, take_over, [thief])
        refused(umbrella, {**umbrella.files, **forged}, "root: is not signed")

    def test_a_next_root_needs_its_own_holders_too(self, umbrella: Umbrella) -> None:
        """A root whose new holders never signed it is not taken."""
        newcomer = SigningKey.generate(hybrid=False)

        def hand_over(root: Root) -> None:
            for keyid in list(root.roles[Root.type].keyids):
                root.revoke_key(keyid, Root.type)
            root.add_key(build.tuf_key(newcomer.public.ed25519), Root.type)

        forged = next_root(umbrella, hand_over, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "root: is not signed")
        both = next_root(umbrella, hand_over, [*umbrella.root, newcomer])
        assert verify_chain(umbrella.pin, {**umbrella.files, **both}, NOW).root_version == 2

    def test_a_root_must_have_the_version_of_its_name(self, umbrella: Umbrella) -> None:
        """The first root under the name of the second is not a second root."""
        again = {metadata_name("root", 2): umbrella.files[metadata_name("root", 1)]}
        refused(umbrella, {**umbrella.files, **again}, "root: version")

    def test_a_retired_timestamp_key_signs_nothing(self, umbrella: Umbrella) -> None:
        """After a root that replaces the online key, the old timestamp is void."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)

        def retire(root: Root) -> None:
            root.revoke_key(root.roles[Timestamp.type].keyids[0], Timestamp.type)
            root.add_key(other, Timestamp.type)

        files = {**umbrella.files, **next_root(umbrella, retire, umbrella.root)}
        refused(umbrella, files, "timestamp: is not signed")

    def test_one_key_under_two_ids_does_not_meet_a_threshold_of_two(self) -> None:
        """The library counts key ids; here a key counts once."""
        umbrella = make_umbrella()
        own = build.tuf_key(umbrella.root[0].public.ed25519)
        twin = build.tuf_key(umbrella.root[0].public.ed25519)
        twin.keyid = "0" * 64

        def double(root: Root) -> None:
            root.keys[twin.keyid] = twin
            root.roles[Root.type].keyids = [own.keyid, twin.keyid]
            root.roles[Root.type].threshold = 2

        forged = next_root(umbrella, double, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "^root: keys: one key stands under two ids")

    def test_a_small_order_key_is_not_admitted_to_any_role(self, umbrella: Umbrella) -> None:
        """The identity point, under which one signature verifies everything, holds no role."""
        weak = build.tuf_key((1).to_bytes(32, "little"))

        def weaken(root: Root) -> None:
            root.add_key(weak, Targets.type)

        forged = next_root(umbrella, weaken, umbrella.root)
        with pytest.raises(WeakKeyError):
            verify_chain(umbrella.pin, {**umbrella.files, **forged}, NOW)

    def test_only_ed25519_keys_hold_a_role(self, umbrella: Umbrella) -> None:
        """No scheme whose keys nobody here admits."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)
        other.keytype, other.scheme = "ecdsa", "ecdsa-sha2-nistp256"

        def add(root: Root) -> None:
            root.add_key(other, Targets.type)

        forged = next_root(umbrella, add, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "type ed25519")

    def test_a_key_that_is_no_hexadecimal_holds_no_role(self, umbrella: Umbrella) -> None:
        """The library would find out when it verifies; here it is never admitted."""
        other = build.tuf_key(SigningKey.generate(hybrid=False).public.ed25519)
        other.keyval["public"] = "no hex"

        def add(root: Root) -> None:
            root.add_key(other, Targets.type)

        forged = next_root(umbrella, add, umbrella.root)
        with pytest.raises(WeakKeyError, match="hexadecimal"):
            verify_chain(umbrella.pin, {**umbrella.files, **forged}, NOW)

    def test_consistent_snapshots_are_demanded(self, umbrella: Umbrella) -> None:
        """A root cannot switch off the file names that make states distinguishable."""

        def switch_off(root: Root) -> None:
            root.consistent_snapshot = False

        forged = next_root(umbrella, switch_off, umbrella.root)
        refused(umbrella, {**umbrella.files, **forged}, "consistent_snapshot")


class TestThresholds:
    """Several holders, of whom some must sign."""

    def test_two_of_three_need_two(self) -> None:
        """Targets signed by one of two needed holders are not signed."""
        umbrella = make_umbrella(targets=(2, 3))
        alone = dataclasses.replace(umbrella, targets=umbrella.targets[:1])
        refused(umbrella, forge(alone), "targets: is not signed by enough")
        pair = dataclasses.replace(umbrella, targets=umbrella.targets[:2])
        assert verify_chain(umbrella.pin, forge(pair), NOW).root_version == 1

    def test_the_online_keys_cannot_sign_targets(self, umbrella: Umbrella) -> None:
        """Who steals the unattended keys admits nobody."""
        online = umbrella.online
        thief = dataclasses.replace(umbrella, targets=(online.snapshot, online.timestamp))  # type: ignore[arg-type]
        refused(umbrella, forge(thief), "targets: is not signed by enough")
