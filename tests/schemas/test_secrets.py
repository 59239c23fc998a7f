import pytest

from schemas.secrets import discreet


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.pem", "sasl.oauthbearer.client.secret", "SSL.KEY.PASSWORD"])
def test_a_secret_is_not_repeated(name: str) -> None:
    text = f'Invalid value "hunter2" for configuration property "{name}"\n'
    assert discreet(text, {name: "hunter2"}) == f'Invalid value "***" for configuration property "{name}"'


def test_a_short_secret_leaves_the_words_around_it_whole() -> None:
    assert discreet('value "a" for "sasl.password"', {"sasl.password": "a"}) == 'value "***" for "sasl.password"'


def test_what_is_no_secret_is_said() -> None:
    assert discreet('Invalid value "foo"', {"security.protocol": "foo", "sasl.password": ""}) == 'Invalid value "foo"'
