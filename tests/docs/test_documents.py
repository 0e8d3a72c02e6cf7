"""Every example of the documentation runs and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from bighead.storage.database.database import Memory
from bighead.storage.fetch.metrics import Metrics
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.metrics import registry_of
from bighead.storage.store import Store
from tests.docs.document import Document
from tests.docs.function_page import function_page
from tests.docs.grpc_page import grpc_page

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[p.name for p in PAGES])
def test_the_examples_of_the_page_print_what_it_says(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ran = Document(page, tmp_path).run()
    if request.config.getoption("--golden"):
        page.write_text(ran, encoding="utf-8")
    assert ran == page.read_text(encoding="utf-8")


def test_the_page_of_functions_is_what_they_declare(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "functions.md"
    if request.config.getoption("--golden"):
        page.write_text(function_page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == function_page()


def test_the_reference_of_grpc_is_what_the_messages_declare(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "grpc.md"
    if request.config.getoption("--golden"):
        page.write_text(grpc_page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == grpc_page()


def test_series_that_pages_name_are_told_to_prometheus() -> None:
    metrics = Metrics()
    metrics.certificate(lambda: 0.0)
    ingester = Ingester(Store.over(Memory()), {}, [])
    told = (generate_latest(metrics.registry) + generate_latest(registry_of(ingester))).decode()
    there = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    there |= {f"{name}_bucket" for name in there}
    for page in PAGES:
        named = set(re.findall(r"\bbighead_(?:fetch|ingest)_\w+", page.read_text(encoding="utf-8")))
        assert named <= there, f"{page.name} names series that are not there"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
