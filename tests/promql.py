"""As much of PromQL as our rules and panels use, over two scrapes. What it does not know it refuses.

`rate` and `increase` are differences between the two scrapes, over the time between them in place of the written
window, and without extrapolation. A series that the first scrape lacks has no rate, as with Prometheus.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = Vector | float

_NUMBER, _NAME, _TEXT = r"\d+(?:\.\d+)?", r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|({_NAME})|({_TEXT})|(=~|!=|[-+*/(){{}}\[\],=<>]))")
_AGGREGATES: Mapping[str, Callable[[Iterable[float]], float]] = {"sum": math.fsum, "max": max, "min": min}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">": float.__gt__, "<": float.__lt__}
_COMPUTE: Mapping[str, Callable[[float, float], float]] = {
    "+": float.__add__,
    "-": float.__sub__,
    "*": float.__mul__,
    "/": lambda one, other: one / other if other else float("nan"),
}


class NotUnderstood(ValueError):
    """The expression uses more of PromQL than is known here."""


@dataclass(frozen=True)
class Scrape:
    """Samples by name, and when they were taken."""

    at_s: float
    samples: Mapping[str, Vector]

    @classmethod
    def of(cls, *texts: str, at_s: float) -> "Scrape":
        """Of several processes, as one Prometheus would hold them: each text is a job of its own."""
        samples: dict[str, Vector] = defaultdict(dict)
        for job, text in enumerate(texts):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = frozenset({**sample.labels, "job": str(job)}.items())
                    samples[sample.name][labels] = sample.value
        return cls(at_s, samples)


def evaluate(expression: str, *, before: Scrape, after: Scrape) -> Value:
    """The value of an instant query at the second scrape. Raises NotUnderstood."""
    parser = _Parser(expression, before, after)
    value = parser.expression()
    parser.expect_end()
    return value


def names_in(expression: str) -> set[str]:
    """Metrics that an expression reads."""
    return set(re.findall(r"\b((?:pipeline|executor|gateway|process|service)_[a-z_]+)\b", expression))


class _Parser:
    def __init__(self, text: str, before: Scrape, after: Scrape) -> None:
        self._text = text
        self._before = before
        self._after = after
        self._tokens = self._split(text)

    def expression(self) -> Value:
        value = self._sum()
        if self._peek() in _COMPARE:
            compare, bound = _COMPARE[self._next()], self._sum()
            if not isinstance(value, dict) or isinstance(bound, dict):
                raise NotUnderstood(f"expected a vector and a number around the comparison of {self._text}")
            return {labels: one for labels, one in value.items() if compare(one, bound)}
        return value

    def expect_end(self) -> None:
        if self._tokens:
            raise NotUnderstood(f"{self._text}: did not expect {self._tokens[0]!r}")

    def _sum(self) -> Value:
        value = self._term()
        while self._peek() in _COMPUTE:
            value = _computed(_COMPUTE[self._next()], value, self._term())
        return value

    def _term(self) -> Value:
        token = self._next()
        if token == "(":
            value = self.expression()
            self._expect(")")
            return value
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return float(token)
        if token in _AGGREGATES:
            return self._aggregated(_AGGREGATES[token])
        if token in ("rate", "increase"):
            return self._growth(per_second=token == "rate")
        if token == "histogram_quantile":
            return self._quantile()
        return self._after_selection(token)

    def _aggregated(self, function: Callable[[Iterable[float]], float]) -> Vector:
        by: set[str] = set()
        if self._peek() == "by":
            self._next()
            by = set(self._list("(", ")"))
        self._expect("(")
        value = self.expression()
        self._expect(")")
        if not isinstance(value, dict):
            raise NotUnderstood(f"{self._text}: a number cannot be aggregated")
        groups: dict[Labels, list[float]] = defaultdict(list)
        for labels, one in value.items():
            groups[frozenset(pair for pair in labels if pair[0] in by)].append(one)
        return {labels: function(ones) for labels, ones in groups.items()}

    def _growth(self, *, per_second: bool) -> Vector:
        self._expect("(")
        name = self._next()
        matchers = self._matchers()
        self._expect("[")
        self._next(), self._next()
        self._expect("]")
        self._expect(")")
        was, now = (_selected(scrape, name, matchers) for scrape in (self._before, self._after))
        elapsed_s = self._after.at_s - self._before.at_s if per_second else 1.0
        return {labels: (now[labels] - was[labels]) / elapsed_s for labels in now.keys() & was.keys()}

    def _quantile(self) -> Vector:
        """Of buckets that were summed by `le` and others."""
        self._expect("(")
        share = float(self._next())
        self._expect(",")
        buckets = self._sum()
        self._expect(")")
        if not isinstance(buckets, dict):
            raise NotUnderstood(f"{self._text}: expected buckets")
        series: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
        for labels, one in buckets.items():
            pairs = dict(labels)
            series[frozenset(labels - {("le", pairs["le"])})].append((float(pairs["le"]), one))
        return {labels: _bucket_of(share, sorted(ones)) for labels, ones in series.items()}

    def _after_selection(self, name: str) -> Vector:
        return _selected(self._after, name, self._matchers())

    def _matchers(self) -> list[tuple[str, str, str]]:
        if self._peek() != "{":
            return []
        self._next()
        found = []
        while self._peek() != "}":
            found.append((self._next(), self._next(), self._next().strip('"')))
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def _list(self, opening: str, closing: str) -> list[str]:
        self._expect(opening)
        found = []
        while (token := self._next()) != closing:
            if token != ",":
                found.append(token)
        return found

    def _split(self, text: str) -> list[str]:
        tokens, place = [], 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise NotUnderstood(f"{text}: cannot read {text[place:]!r}")
            tokens.append(next(group for group in found.groups() if group is not None))
            place = found.end()
        return tokens

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise NotUnderstood(f"{self._text}: ends too early")
        return self._tokens.pop(0)

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise NotUnderstood(f"{self._text}: expected {token!r}")


def _selected(scrape: Scrape, name: str, matchers: list[tuple[str, str, str]]) -> Vector:
    return {
        labels: value
        for labels, value in scrape.samples.get(name, {}).items()
        if all(_matches(dict(labels).get(label, ""), operator, wanted) for label, operator, wanted in matchers)
    }


def _matches(found: str, operator: str, wanted: str) -> bool:
    match operator:
        case "=":
            return found == wanted
        case "!=":
            return found != wanted
        case "=~":
            return re.fullmatch(wanted, found) is not None
        case _:
            raise NotUnderstood(f"unknown matcher {operator}")


def _computed(function: Callable[[float, float], float], one: Value, other: Value) -> Value:
    match one, other:
        case float(), float():
            return function(one, other)
        case dict(), float():
            return {labels: function(value, other) for labels, value in one.items()}
        case dict(), dict():
            return {labels: function(one[labels], other[labels]) for labels in one.keys() & other.keys()}
        case _:
            raise NotUnderstood("a number over a vector")


def _bucket_of(share: float, buckets: list[tuple[float, float]]) -> float:
    """The upper end of the bucket in which the quantile lies; Prometheus interpolates inside of it."""
    total = buckets[-1][1]
    return next((bound for bound, number in buckets if total and number >= share * total), math.nan)
