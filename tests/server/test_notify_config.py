"""What collector.toml says of mail, escalation and contacts is read strictly, and secrets stay out of what is shown."""

from __future__ import annotations

import pytest

from server.config import Config, parse
from server.errors import ConfigError
from server.notify_config import Contact, Escalating, Mail, is_email

MAIL = '[mail]\nhost = "smtp.example.org"\nfrom = "Fairwatch <fairwatch@example.org>"\n'


def test_without_a_word_mails_are_files_and_escalation_has_its_usual_times():
    assert (Config().mail.host, Config().escalation, Config().contacts) == ("", Escalating((10, 20), 30), ())


def test_a_full_file_is_read_and_shows_no_secret():
    config = parse(
        MAIL + 'port = 2525\nsecurity = "ssl"\nuser = "fw"\npassword = "hush"\n'
        "[escalation]\nminutes = [5, 10, 15]\nrepeat_minutes = 60\n"
        '[[contacts]]\nname = "Night service"\naddress = "night@council.example"\n'
        '[[contacts]]\nname = "Pager"\naddress = "ntfys://ntfy.example/hush"\n',
        "collector.toml",
    )
    assert config.mail == Mail("smtp.example.org", 2525, "ssl", "fw", "hush", "Fairwatch <fairwatch@example.org>")
    assert config.escalation == Escalating((5, 10, 15), 60)
    assert config.contacts[1] == Contact("Pager", "ntfys://ntfy.example/hush")
    assert "hush" not in repr(config)
    assert "night@" not in repr(config)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("ssl", 465), ("none", 25)])
def test_the_port_follows_from_the_security(security, port):
    assert parse(f'{MAIL}security = "{security}"\n', "f").mail.port == port


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[mail]\nhost = "x"\n', 1, "[mail] needs from"),
        ('[mail]\nfrom = "a@b"\n', 1, "[mail] needs host"),
        (MAIL + 'user = "x"\n', 1, "user and password, or neither"),
        (MAIL + 'security = "none"\nuser = "x"\npassword = "y"\n', 1, "in clear"),
        (MAIL + 'hots = "x"\n', 4, "did you mean 'host'?"),
        (MAIL + "port = 0\n", 4, "port must be"),
        (MAIL + 'security = "tls"\n', 4, "security must be"),
        ('[mail]\nhost = "https://x"\n', 2, "host must be"),
        ('[mail]\nfrom = "a@b\\nBcc: x@y"\n', 2, "from must be"),
        ("[escalation]\nminutes = []\n", 2, "minutes must be"),
        ("[escalation]\nminutes = [0]\n", 2, "minutes must be"),
        ("[escalation]\nminute = [1]\n", 2, "did you mean 'minutes'?"),
        ("[escalation]\nrepeat_minutes = true\n", 2, "repeat_minutes must be"),
        ('[[contacts]]\nname = "x"\n', 1, "a contact needs address"),
        ('[[contacts]]\nname = "x"\naddress = "nowhere"\n', 3, "address must be"),
        ('[[contacts]]\nname = "x"\naddress = "a@b"\n[[contacts]]\nnam = "y"\n', 5, "did you mean 'name'?"),
        ("mail = 1\n", 1, "mail must be"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text, line, says):
    with pytest.raises(ConfigError) as refused:
        parse(text, "collector.toml")
    assert refused.value.line == line
    assert says in str(refused.value)


@pytest.mark.parametrize("text", ["a", "a@", "@b", "a b@c", "a@b\r\nBcc: c@d", "a@b,c@d", "<a@b>", 3, None, "a@b..c"])
def test_what_is_no_plain_address_is_none(text):
    assert not is_email(text)
