"""Rights and grounds are each a sentence that names its source, and no answer tells whether there is a case."""

from __future__ import annotations

import re

from rules.rights import RIGHTS, WITHHELD, WITHHELD_CLOSING


def test_each_ground_and_each_right_names_where_it_stands():
    assert [one for one in WITHHELD if not re.search(r"Schedule [23]", one)] == []
    assert [one for one in RIGHTS if not re.search(r"Article|ico\.org\.uk", one)] == []
    assert "one, or that there is none" in WITHHELD_CLOSING
