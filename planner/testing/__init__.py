"""Tests of features, for their authors: log rows, ask for features as of a time, compare.

    from bighead.planner.testing import scenario

    def test_a_booking_counts_for_a_week():
        s = scenario("features")
        s.log("bookings", listing=7, n_nights=2, ts="2026-01-01 12:00")
        s.expect("listing_bookings", at="2026-01-03", listing=7, nights_7d=2)
        s.expect("listing_bookings", at="2026-01-09", listing=7, nights_7d=None)

The same cases can be written in YAML, which `bighead test` runs (see `cases`).
"""

from bighead.planner.testing.scenario import Scenario, scenario

__all__ = ["Scenario", "scenario"]
