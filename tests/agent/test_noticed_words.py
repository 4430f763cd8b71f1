"""Each thing that an agent can notice about itself has one sentence that ends, and names nobody's doing."""

from typing import get_args

from agent.noticed_words import SENTENCES
from protocol.messages import HealthNotice


def test_every_word_has_one_sentence_of_its_own():
    assert set(SENTENCES) == set(get_args(HealthNotice))
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in SENTENCES.values())
