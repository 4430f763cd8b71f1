"""What people may ask for, what may be withheld and on which ground: the same words at devices and on pages.

Sources: UK GDPR, Articles 12(3), 15 to 18 and 21; Data Protection Act 2018, Schedules 2 and 3; the Information
Commissioner's Office on the right of access and on monitoring workers. The data protection officer decides each
request; these words are no advice on one.
"""

from __future__ import annotations

from typing import Final

RIGHTS: Final = (
    (
        "See it: ask for a copy of what is held about you. You get an answer within a month; a difficult request may "
        "take up to two months more, and you are told so. It costs nothing. (UK GDPR, Articles 12 and 15)"
    ),
    "Have mistakes put right. (Article 16)",
    (
        "Ask for it to be deleted, or not to be used while a question about it is open. What a law or a case in hand "
        "needs is kept, and you are told so where that is possible. (Articles 17 and 18)"
    ),
    "Object to being watched, with your own reasons; the organisation then has to show why it may go on. (Article 21)",
    "Complain to the Information Commissioner’s Office: ico.org.uk/make-a-complaint, 0303 123 1113.",
)
"""Each right in a sentence or two."""

WITHHELD_OPENING: Final = (
    "If you ask for a copy, most of it is given. Each piece is looked at by itself, and only what falls under a ground "
    "is left out:"
)

WITHHELD: Final = (
    (
        "what is about other people, unless they agree or it is reasonable to give it without (Data Protection "
        "Act 2018, Schedule 2, paragraph 16);"
    ),
    "what would hinder preventing or finding out a crime (Schedule 2, paragraph 2);",
    (
        "what a doctor, social worker or school recorded, where giving it would be likely to harm you or somebody else "
        "seriously (Schedule 3);"
    ),
    "advice from lawyers (Schedule 2, paragraph 19).",
)
"""What may be left out of an answer, each with its ground."""

WITHHELD_CLOSING: Final = (
    "Whether there is a safeguarding case is told by the safeguarding lead or not at all. An answer that says nothing "
    "of one does not mean that there is one, or that there is none."
)
