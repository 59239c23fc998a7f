"""Python 3.12 sums floats more exactly than 3.11: what ends in a result is added by `math.fsum`, the same on both."""

import ast
from collections import Counter
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_OF_WHOLE_NUMBERS: Final = {
    "models/barriers.py": 1, "models/closes.py": 1, "models/config.py": 1, "models/dataset.py": 3,
    "models/training.py": 1, "models/treeshap.py": 1, "operators/closing.py": 1, "operators/derivatives.py": 1,
    "operators/desk/cross_section.py": 2, "operators/desk/drift.py": 2, "operators/desk/everyday.py": 2,
    "operators/desk/peers.py": 3, "operators/desk/returns.py": 1,
    "operators/flow/intensity.py": 1, "operators/flow/quantile.py": 1, "operators/flow/shape.py": 2,
    "operators/quote_queue.py": 1,
}  # fmt: skip
"""How often the built-in is called: a further one has to be of whole numbers too."""


def test_no_float_is_summed_by_the_built_in() -> None:
    found = Counter(
        path.relative_to(_ROOT).as_posix()
        for folder in ("schemas", "models", "operators", "sources/simulator")
        for path in (_ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "sum"
    )
    assert found == _OF_WHOLE_NUMBERS
