"""What several operators of a run read, kept until the last of them has had it.

How often something will be asked for is counted before the run. The same question may come with
different details (another span of times), which are kept apart and dropped together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Shared:
    """Values by what was asked and its details."""

    uses: Counter[object] = field(default_factory=Counter)
    """How often each will still be asked for."""
    kept: dict[object, dict[object, object]] = field(default_factory=dict)

    def expect(self, question: object) -> None:
        """One more operator will ask."""
        self.uses[question] += 1

    def get(self, question: object, detail: object) -> object | None:
        """What an earlier operator left, or None."""
        return self.kept.get(question, {}).get(detail)

    def used(self, question: object, detail: object = None, value: object = None) -> None:
        """An operator has its answer; it is kept for those to come, and dropped after the last."""
        self.uses[question] -= 1
        if self.uses[question] <= 0:
            self.kept.pop(question, None)
        elif value is not None:
            self.kept.setdefault(question, {})[detail] = value
