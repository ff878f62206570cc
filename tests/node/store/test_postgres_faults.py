"""What libpq says of a connection that did not come about, in our words."""

from __future__ import annotations

import psycopg
import pytest

from node.store.errors import AwayError, RefusedByServerError, StoreFullError
from node.store.postgres.faults import refused, translate
from tests.builders.postgres import Cluster

AT = 'connection failed: connection to server at "ssl.password.example" (192.0.2.7), port 1 failed:'
AWAY = (
    f"{AT} Connection refused\n\tIs the server running on that host?",
    f"{AT} SSL SYSCALL error: EOF detected",
    f"{AT} SSL SYSCALL error: Connection reset by peer",
    f"{AT} SSL error: unexpected eof while reading",
    f"{AT} SSL connection has been closed unexpectedly",
    f"{AT} FATAL:  the database system is starting up",
    f"{AT} FATAL:  sorry, too many clients already",
    'connection failed: could not translate host name "ssl.example" to address: Name not known',
    'connection to server on socket "/run/certificate/.s.PGSQL.5432" failed: No such file',
)
REFUSED = (
    (f'{AT} FATAL:  password authentication failed for user "ssl"', "password"),
    (f"{AT} fe_sendauth: no password supplied", "password"),
    (f'{AT} FATAL:  no pg_hba.conf entry for host "192.0.2.1", SSL off', "pg_hba.conf"),
    (f'{AT} FATAL:  Peer authentication failed for user "hotline"', "pg_hba.conf"),
    (f'{AT} FATAL:  role "certificate" does not exist', "does not exist"),
    (f'{AT} FATAL:  database "hotline" does not exist', "does not exist"),
    (f"{AT} SSL error: certificate verify failed", "sslrootcert"),
    (f'{AT} root certificate file "/etc/ssl/db.pem" does not exist', "sslrootcert"),
    (f'{AT} server certificate for "a" does not match host name "b"', "sslrootcert"),
    (f"{AT} server does not support SSL, but SSL was required", "TLS"),
    (f"{AT} SSL error: tlsv1 alert protocol version", "TLS"),
    (f'{AT} Connection refused\n{AT} FATAL:  role "x" does not exist', "does not exist"),
)


@pytest.mark.parametrize("text", AWAY)
def test_server_that_is_away_refuses_nobody(text: str) -> None:
    """Whatever words its name holds, and in whatever moment it goes."""
    assert isinstance(refused(psycopg.OperationalError(text)), AwayError)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_server_that_refuses_says_what_to_mend(text: str, reason: str) -> None:
    """It does not mend itself by waiting."""
    named = refused(psycopg.OperationalError(text))
    assert isinstance(named, RefusedByServerError)
    assert reason in str(named)


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  kein pg_hba.conf-Eintrag für Host »192.0.2.1«, Benutzer »a«",
        "ВАЖНО:  в pg_hba.conf нет записи для компьютера",
        "치명적오류:  호스트 연결에 대한 설정이 pg_hba.conf 파일에 없습니다.",
    ],
)
def test_server_that_lets_nobody_in_is_known_in_every_language(said: str) -> None:
    """The name of its file is one."""
    assert isinstance(refused(psycopg.OperationalError(f"{AT} {said}")), RefusedByServerError)


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen",
        "ВАЖНО:  пользователь не прошёл проверку подлинности (по паролю)",
        "致命错误:  数据库系统启动中",
    ],
)
def test_server_whose_words_are_not_known_says_where_to_look(said: str) -> None:
    """It may be starting up, or want another password: only a person can tell."""
    named = refused(psycopg.OperationalError(f"{AT} {said}"))
    assert isinstance(named, AwayError)
    assert "lc_messages" in str(named)


def test_server_that_does_not_answer_has_no_log_to_look_at() -> None:
    """What the driver says by itself is English."""
    assert "lc_messages" not in str(refused(psycopg.OperationalError(AWAY[0])))


def test_sqlstate_decides_where_there_is_one() -> None:
    """Whatever language the server speaks."""
    error = psycopg.errors.InvalidPassword("FATAL:  Passwort-Authentifizierung fehlgeschlagen")
    assert isinstance(refused(error), RefusedByServerError)
    assert isinstance(refused(psycopg.errors.AdminShutdown("role does not exist")), AwayError)


def test_server_whose_files_take_nothing_is_full_and_not_short_of_a_right(
    postgres: Cluster,
) -> None:
    """It says 42501 of both; nobody would look at its disk, and the node goes on by itself."""
    url = postgres.new().url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE theirs (a integer)")
        found = connection.execute("SELECT pg_relation_filepath('theirs')").fetchone()
    assert found is not None
    file = postgres.folder / "data" / found[0]
    postgres.do("CREATE ROLE stranger")
    file.chmod(0o400)
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as raised:
            connection.execute("INSERT INTO theirs VALUES (1)")
        assert isinstance(translate(raised.value), StoreFullError)
        file.chmod(0o600)
        connection.execute("INSERT INTO theirs VALUES (1)")
        connection.execute("SET ROLE stranger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as raised:
            connection.execute("INSERT INTO theirs VALUES (1)")
        assert isinstance(translate(raised.value), RefusedByServerError)
