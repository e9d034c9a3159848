"""Rules (规则): pure judgements that modules declare, and the registry that holds them.

A rule says which causes hold *now* for the subjects it is told about. The engine compares that with the causes that
are open: a new one raises an alert, one that is gone ends. So an alert is raised once while its cause lasts, whatever
the rhythm of the reports.

Examples
--------
>>> def judge(facts, p):
...     fast = np.flatnonzero(facts.speed_m_s > p["limit_m_s"])
...     return Verdicts.of_rows(fast, speed_m_s=facts.speed_m_s[fast])
>>> Rule(
...     id="roads.too_fast", title=_("超速"), grade=Grade.YELLOW, on=Trigger.POSITIONS, kinds=("vehicle",),
...     parameters=(Parameter("limit_m_s", _("限速"), "float", 22.2, minimum=1, maximum=60, unit="m/s"),),
...     evidence=(Evidence("speed_m_s", _("速度"), "m/s"),), judge=judge,
... )  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from access.roles import Role
from command.declarations import GRADE_NAMES, HOLD, ID, Attribute, Evidence, Grade, Parameter, Text, Trigger
from command.exceptions import DuplicateRuleError, RuleError, UnknownRuleError
from command.facts import AREA_ITSELF, Areas, Facts, Verdicts
from twin.periods import PeriodError, read_periods

__all__ = [
    "AREA_ITSELF",
    "GRADE_NAMES",
    "Areas",
    "Attribute",
    "Evidence",
    "Facts",
    "Grade",
    "Parameter",
    "Rule",
    "RuleRegistry",
    "Text",
    "Trigger",
    "Verdicts",
    "registry",
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A judgement and what belongs to it.

    Attributes
    ----------
    id : str
        ``module.name``; never changes once used.
    title : str
        What people call it; the alert's headline.
    grade : Grade
        Grade of its alerts, unless a verdict says otherwise.
    on : Trigger
        When it is asked.
    judge : callable
        ``judge(facts, parameters) -> Verdicts``: pure, vectorised.
    kinds : tuple of str
        Keys of the asset kinds that are its subjects; all where empty.
    parameters : tuple of Parameter
        What people may set; :data:`~command.declarations.HOLD` is added where a cause can last.
    momentary : bool
        Whether its causes are moments (a line passed), which last until the next position and no longer.
    every_s : float
        Rhythm of ``Trigger.PRESENT``.
    periods : tuple of mapping
        When it is in force unless people set otherwise (:mod:`twin.periods`); always where empty.
    disposer_role : Role or None
        Who disposes of its alerts; None: whoever may dispatch there.
    escalate_after_s : int or None
        An alert nobody acknowledged, or acknowledged and not disposed of, for this long is escalated; None: never.
    group_within_s : int
        Alerts of the same rule in the same area (or of the same owner) raised within this time form a group.
    sound : bool
        Whether its alerts are heard.
    enabled : bool
        Whether it is in force before anybody has set anything.
    evidence : tuple of Evidence
        Names of what its verdicts bring along.
    attributes : tuple of Attribute
        Values of module tables that it needs.
    only_with : Attribute or None
        One of ``attributes``: only assets of which it says something are its subjects, and others not even read.
    advice : str
        What to do, in a sentence.
    """

    id: str
    title: Text
    grade: Grade
    on: Trigger
    judge: Callable[[Facts, Mapping[str, Any]], Verdicts]
    kinds: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    every_s: float = 5.0
    periods: tuple[Mapping[str, Any], ...] = ()
    disposer_role: Role | None = None
    escalate_after_s: int | None = 600
    group_within_s: int = 600
    sound: bool = False
    enabled: bool = True
    evidence: tuple[Evidence, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    only_with: Attribute | None = None
    advice: Text = ""
    momentary: bool = False

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id) or len(self.id) > 64:
            raise RuleError(f"rule {self.id!r}: the id must read module.name, at most 64 characters")
        object.__setattr__(self, "grade", _member(Grade, self.grade, self.id))
        object.__setattr__(self, "on", _member(Trigger, self.on, self.id))
        if self.disposer_role is not None:
            object.__setattr__(self, "disposer_role", _member(Role, self.disposer_role, self.id))
        if self.on is Trigger.POSITIONS and not self.momentary and HOLD not in self.parameters:
            object.__setattr__(self, "parameters", (*self.parameters, HOLD))
        if not callable(self.judge):
            raise RuleError(f"rule {self.id}: judge must be a function of facts and parameters")
        for what, keys in (
            ("parameters", self.parameters),
            ("evidence", self.evidence),
            ("attributes", self.attributes),
        ):
            names = [entry.key for entry in keys]
            if len(set(names)) < len(names):
                raise RuleError(f"rule {self.id}: {what} repeat a key: {', '.join(names)}")
        if self.only_with is not None and (self.only_with not in self.attributes or self.only_with.of != "asset"):
            raise RuleError(f"rule {self.id}: only_with must be one of its attributes of assets")
        if self.every_s < 1 or (self.escalate_after_s is not None and self.escalate_after_s < 1):
            raise RuleError(f"rule {self.id}: every_s and escalate_after_s are seconds, at least 1")
        try:
            read_periods(list(self.periods))
        except PeriodError as error:
            raise RuleError(f"rule {self.id}: {error}") from error

    @property
    def module(self) -> str:
        """Key of the module that declares it."""
        return self.id.split(".")[0]

    def settled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter's value: what ``values`` says, else the default.

        Raises
        ------
        RuleError
            A value is not allowed, or there is no such parameter.
        """
        if unknown := set(values) - {p.key for p in self.parameters}:
            raise RuleError(f"rule {self.id} has no parameter {', '.join(sorted(unknown))}")
        return {p.key: p.check(values.get(p.key, p.default)) for p in self.parameters}


def _member(enum: Any, value: Any, rule: str) -> Any:
    try:
        return enum(value)
    except ValueError:
        raise RuleError(f"rule {rule}: {value!r} is no {enum.__name__}") from None


class RuleRegistry:
    """Rules by id; refuses what it cannot hold, then freezes."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._attributes: dict[str, Attribute] = {}
        self._frozen = False

    def register(self, rule: Rule) -> Rule:
        """Take a rule in.

        Raises
        ------
        DuplicateRuleError
            Its id is taken, or one of its attributes is declared differently elsewhere.
        RuleError
            The platform has started.
        """
        if self._frozen:
            raise RuleError(f"rule {rule.id}: too late, rules are declared at start")
        if rule.id in self._rules:
            raise DuplicateRuleError(f"rule {rule.id} is declared twice")
        for attribute in rule.attributes:
            if self._attributes.setdefault(attribute.key, attribute) != attribute:
                raise DuplicateRuleError(f"rule {rule.id}: attribute {attribute.key} is declared differently elsewhere")
        self._rules[rule.id] = rule
        return rule

    def freeze(self) -> None:
        """Take nothing in any more."""
        self._frozen = True

    def get(self, rule_id: str) -> Rule:
        """The rule of that id.

        Raises
        ------
        UnknownRuleError
            None is installed.
        """
        try:
            return self._rules[rule_id]
        except KeyError:
            raise UnknownRuleError(f"no rule {rule_id!r} is installed") from None

    def find(self, rule_id: str) -> Rule | None:
        """The rule of that id, or None: its module may have been taken out since."""
        return self._rules.get(rule_id)

    def title_of(self, rule_id: str) -> str:
        """The rule's title, in the language of the page; its id where its module is gone."""
        rule = self.find(rule_id)
        return str(rule.title) if rule else rule_id

    def __iter__(self) -> Iterator[Rule]:
        return iter(sorted(self._rules.values(), key=lambda rule: rule.id))

    def __len__(self) -> int:
        return len(self._rules)

    def on(self, *triggers: Trigger) -> list[Rule]:
        """Rules asked at these moments, by id."""
        return [rule for rule in self if rule.on in triggers]

    def attributes(self) -> list[Attribute]:
        """Every attribute that some rule needs."""
        return list(self._attributes.values())


registry = RuleRegistry()
