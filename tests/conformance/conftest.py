"""What every test of the time contract runs on: one engine after the other."""

import pytest

from bighead.planner.session import Session


@pytest.fixture(params=("reference", "datafusion"))
def s(request: pytest.FixtureRequest) -> Session:
    return Session(engine=request.param)
