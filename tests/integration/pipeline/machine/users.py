"""What users do: edit the document in every way, and start runs."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.integration.pipeline.machine.bench import ASSET, Bench, Written, pick

LETTERS = "abcdef"
NONCES = ("", "x", "y")
"""Few, so that an edit often takes an earlier one back."""
MAX_RUNS = 2
SHAPES: tuple[dict[str, tuple[str, ...]], ...] = (
    {"a": (), "b": ("a",)},
    {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")},
    {"a": (ASSET,), "b": (), "c": ("a", "b"), "d": ("c", ASSET)},
    {"a": (), "b": ("a",), "c": ("b",), "d": ("a",), "e": ("c", "d")},
)
PICKS = st.integers(0, 999)
MASKS = st.integers(0, 127)


class Users(Bench):
    """Edges go from earlier letters to later ones, so that no document has a cycle."""

    @initialize(shape=st.integers(0, len(SHAPES) - 1))
    def first_import(self, shape: int) -> None:
        self.document = {name: Written(inputs=inputs) for name, inputs in SHAPES[shape].items()}
        self.act(self.importing())
        self.act(self.running(0, force=False))

    @rule(node=PICKS, nonce=st.sampled_from(NONCES))
    def edit_nonce(self, node: int, nonce: str) -> None:
        self.count("edit_nonce")
        name = pick(sorted(self.document), node)
        self.document[name] = replace(self.document[name], nonce=nonce)
        self.act(self.importing())

    @rule(node=PICKS, mask=MASKS)
    def edit_edges(self, node: int, mask: int) -> None:
        self.count("edit_edges")
        name = pick(sorted(self.document), node)
        self.document[name] = replace(self.document[name], inputs=self._inputs(name, mask))
        self.act(self.importing())

    @rule(node=PICKS, mask=MASKS)
    def add_node(self, node: int, mask: int) -> None:
        """Or write anew the one that is there."""
        self.count("add_node")
        name = pick(LETTERS, node)
        self.document[name] = Written(inputs=self._inputs(name, mask))
        self.act(self.importing())

    @rule(node=PICKS)
    def remove_node(self, node: int) -> None:
        """The last one is replaced by another."""
        self.count("remove_node")
        name = pick(sorted(self.document), node)
        if len(self.document) == 1:
            self.document["a" if name == "f" else "f"] = Written()
        del self.document[name]
        for other, one in self.document.items():
            self.document[other] = replace(one, inputs=tuple(source for source in one.inputs if source != name))
        self.act(self.importing())

    @rule(text=st.integers(0, 2))
    def edit_asset(self, text: int) -> None:
        self.count("edit_asset")
        self.asset = f"text {text}"
        self.act(self.importing())

    @rule(cut=st.integers(0, 9))
    def edit_title(self, cut: int) -> None:
        """Changes nothing that anybody works on."""
        self.count("edit_title")
        self.title = f"A film, cut {cut}"
        self.act(self.importing())

    @rule(wanted=PICKS, force=st.booleans())
    def start_run(self, wanted: int, force: bool) -> None:
        """While two runs are on, the same document is imported once more instead."""
        self.count("start_run")
        self._run(wanted, force=force)

    @rule()
    def start_all_over(self) -> None:
        """While the last run is under way, as a rule: two runs that want the same of different inputs."""
        self.count("start_all_over")
        self._run(0, force=True)

    def _run(self, wanted: int, *, force: bool) -> None:
        is_full = self.rows.open_runs >= MAX_RUNS
        self.act(self.importing() if is_full else self.running(wanted, force=force))

    def _inputs(self, name: str, mask: int) -> tuple[str, ...]:
        """The bits of `mask` choose among what stands before a node."""
        before = [ASSET, *(other for other in sorted(self.document) if other < name)]
        return tuple(other for bit, other in enumerate(before) if mask >> bit & 1)
