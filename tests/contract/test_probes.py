"""What each service does in the calls that the product relies on, beside what AWS documents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contract import divergences
from tests.contract.clouds import EMULATOR, AwsCloud
from tests.contract.divergences import DIVERGENCES
from tests.contract.probes import Probe, objects, queues, table

PROBES = {probe.id: probe for probe in (*table.PROBES, *objects.PROBES, *queues.PROBES)}


@pytest.mark.parametrize("cloud", ["moto", EMULATOR], indirect=True)
@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_service_does_what_aws_documents_or_what_is_listed(cloud: AwsCloud, probe: Probe) -> None:
    listed = divergences.of_claim(cloud.name, probe.id)
    assert probe.see(cloud) == (probe.documented if listed is None else listed.gives)


def test_a_listed_probe_gives_something_else_than_aws_does() -> None:
    assert [one.claim for one in DIVERGENCES if one.claim in PROBES and one.gives == PROBES[one.claim].documented] == []


def test_every_probe_has_one_id_and_a_place_where_aws_says_so() -> None:
    assert len(PROBES) == len(table.PROBES) + len(objects.PROBES) + len(queues.PROBES)
    assert all(probe.source.startswith("docs.aws.amazon.com/") and probe.reason for probe in PROBES.values())


def test_every_row_of_the_list_is_of_a_known_cloud_says_what_proves_it_instead_and_stands_once() -> None:
    rows = [(one.cloud, one.claim) for one in DIVERGENCES]
    assert len(set(rows)) == len(rows)
    for one in DIVERGENCES:
        assert one.cloud in {"moto", "emulator"}
        assert one.gives and one.instead and one.source
        assert one.seen <= datetime.now(UTC).date()
