"""`hotline store migrate`: a running node goes to a server."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from node.cli.exits import Exit
from node.config import load
from node.setup.opening import open_database_key
from node.store.moving.source import Source
from node.store.postgres.place import Postgres
from tests.node.cli.conftest import Typing
from tests.node.cli.test_new_file import room_for
from tests.node.cli.test_on_server import submit
from tests.node.cli.test_run import refused, started
from tests.node.store.test_moving import BrokenOffError, DiesAfterTheEnd, DiesAtTheEnd, moving
from tests.node.store.test_postgres_server import writing_forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.postgres import Cluster


async def test_running_node_goes_to_a_server_and_ends(
    joined: Typing, tmp_path: Path, postgres: Cluster
) -> None:
    """Its next start is there; nothing is lost, nothing is done twice, and the file is refused."""
    file_only = joined.config.source.read_text()
    url = postgres.new().url
    async with started(joined.config.source) as process:
        await process.until("node_started")
        await submit(joined, tmp_path, 1)
        code, shown = await joined("store", "migrate", "--to", url)
        assert (code, shown["rows"]["items"]) == (Exit.OK, 1)
        assert 0 < shown["pause_s"] < 10
        assert await process.ended() == Exit.STORE
    assert load(joined.config.source).store.url == url
    async with started(joined.config.source) as process:
        await process.until("node_started")
        assert (await submit(joined, tmp_path, 1))[1]["repeated"] == 1
        assert (await submit(joined, tmp_path, 2))[1]["accepted"] == 1
    code, shown = await joined("verify")
    assert (code, shown["holds"], shown["counts"]["items"]) == (Exit.OK, True, 2)
    joined.config.source.write_text(file_only)
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.STORE, "store_moved")
    assert url in message


async def test_move_to_nowhere_leaves_no_trace(joined: Typing, postgres: Cluster) -> None:
    """Neither in the file nor in the configuration."""
    before = joined.config.source.read_text()
    code, shown = await joined("store", "migrate", "--to", postgres.url("never_made"))
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_refused")
    code, shown = await joined("store", "migrate", "--to", "postgresql://db.example/far")
    assert (code, shown["error"]["code"]) == (Exit.CONFIGURATION, "config_invalid")
    code, shown = await joined("store", "migrate", "--abandon")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "not_moving")
    assert (await joined("store", "migrate"))[0] == Exit.USAGE
    assert joined.config.source.read_text() == before


async def test_store_on_a_server_is_not_moved(joined: Typing, postgres: Cluster) -> None:
    """Its own tools copy it."""
    assert (await joined("store", "migrate", "--to", postgres.new().url))[0] == Exit.OK
    code, shown = await joined("store", "migrate", "--to", postgres.new().url)
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")


async def test_full_disk_under_the_file_is_named_and_the_store_moves_when_there_is_room(
    joined: Typing, postgres: Cluster
) -> None:
    """What the file's driver says is no mistake of this program; half a start is gone on with."""
    words = ("store", "migrate", "--to", postgres.new().url)
    with room_for(40_000):
        code, shown = await joined(*words)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_full")
    assert "again, into an empty database" in shown["error"]["message"]
    assert (await joined(*words))[0] == Exit.OK


async def test_full_server_is_named_and_the_store_moves_when_there_is_room(
    joined: Typing, postgres: Cluster
) -> None:
    """Nobody looks for room on the disk of the file, which is not full."""
    url = postgres.new().url
    with writing_forbidden(postgres):
        code, shown = await joined("store", "migrate", "--to", url)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_full")
    assert shown["error"]["message"].startswith("--to: the disk of that server")
    assert (await joined("store", "migrate", "--to", url))[0] == Exit.OK


async def of_the_store(joined: Typing) -> set[str]:
    """The codes of what the doctor says of the store."""
    findings = (await joined("doctor"))[1]["findings"]
    return {one["code"] for one in findings if one["code"].startswith("store_")}


def break_off(
    joined: Typing, place: Postgres, target_of: type[DiesAtTheEnd | DiesAfterTheEnd] = DiesAtTheEnd
) -> None:
    """Move the store until its file is closed, and die before the server is opened, or after."""
    key = open_database_key(joined.config)
    with pytest.raises(BrokenOffError):
        moving(joined.config.store.path, place, target_of=target_of, key=key)


async def test_move_goes_on_by_another_url_of_the_same_database(
    joined: Typing, postgres: Cluster
) -> None:
    """The server has a new name, or its certificate another place; another one is refused."""
    place = postgres.new()
    break_off(joined, place)
    code, shown = await joined("store", "migrate", "--to", postgres.new().url)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_move_refused")
    assert place.url in shown["error"]["message"]
    url = f"{place.url}&sslmode=prefer"
    assert (await joined("store", "migrate", "--to", url))[0] == Exit.OK
    assert load(joined.config.source).store.url == url
    assert (await joined("verify"))[0] == Exit.OK


async def test_file_whose_server_is_lost_is_gone_on_with(joined: Typing, postgres: Cluster) -> None:
    """The doctor and the start say how, and a move into a new database is free."""
    break_off(joined, postgres.new())
    assert await of_the_store(joined) == {"store_move_unfinished"}
    assert "--abandon" in (await refused(joined.config.source))[2]
    assert (await joined("store", "migrate", "--abandon"))[0] == Exit.OK
    assert await of_the_store(joined) == set()
    assert (await joined("store", "migrate", "--to", postgres.new().url))[0] == Exit.OK
    code, shown = await joined("store", "migrate", "--abandon")
    assert (code, shown["error"]["code"]) == (Exit.REFUSED, "setup_exists")


async def test_server_that_nodes_worked_on_is_not_filled_from_the_file_again(
    joined: Typing, postgres: Cluster
) -> None:
    """It was lost later, and made anew: the file has the store as it was before the move."""
    place, file_only = postgres.new(), joined.config.source.read_text()
    assert (await joined("store", "migrate", "--to", place.url))[0] == Exit.OK
    joined.config.source.write_text(file_only)
    with psycopg.connect(place.url) as server:
        server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    code, shown = await joined("store", "migrate", "--to", place.url)
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_move_refused")
    assert "dump" in shown["error"]["message"]


async def test_move_that_died_as_its_server_was_opened_is_ended_by_the_same_command(
    joined: Typing, postgres: Cluster
) -> None:
    """The doctor says so, and not that the file may be opened again."""
    place = postgres.new()
    break_off(joined, place, DiesAfterTheEnd)
    findings = (await joined("doctor"))[1]["findings"]
    (said,) = [one for one in findings if one["code"].startswith("store_")]
    assert (said["code"], "same --to" in said["mend"]) == ("store_moved", True)
    code, shown = await joined("store", "migrate", "--abandon")
    assert (code, shown["error"]["code"]) == (Exit.STORE, "store_move_refused")
    assert (await joined("store", "migrate", "--to", place.url))[0] == Exit.OK


async def test_move_that_was_begun_and_what_one_left_are_named_by_doctor(
    joined: Typing, postgres: Cluster
) -> None:
    """The file grows by what it notes; the old one keeps all that retention erases elsewhere."""
    place, file_only = postgres.new(), joined.config.source.read_text()
    with closing(Source(joined.config.store.path, open_database_key(joined.config))) as source:
        source.begin("move-1", place.url)
    assert await of_the_store(joined) == {"store_moving"}
    assert (await joined("store", "migrate", "--to", place.url))[0] == Exit.OK
    # the server of the tests runs without autovacuum
    assert await of_the_store(joined) == {"store_file_left", "store_not_vacuumed"}
    on_server = joined.config.source.read_text()
    joined.config.source.write_text(file_only)
    assert await of_the_store(joined) == {"store_moved"}
    joined.config.source.write_text(on_server)
    joined.config.store.path.unlink()
    assert await of_the_store(joined) == {"store_not_vacuumed"}


@pytest.fixture
def clerk(postgres: Cluster) -> Iterator[Postgres]:
    """Give an empty database, by the URL of a role that does not own it."""
    place = postgres.new()
    postgres.do("CREATE ROLE clerk LOGIN")
    yield Postgres(place.url.replace("//hotline@", "//clerk@"))
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute("DROP OWNED BY clerk")
    postgres.do("DROP ROLE clerk")


def database(place: Postgres) -> str:
    """The name of a database."""
    return place.url.partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT", "store_refused", "own database"),
        ("ALTER ROLE clerk SET search_path = nowhere", "store_unsafe", "search path"),
        ("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", "store_refused", "GRANT CONNECT"),
        ("ALTER ROLE clerk CONNECTION LIMIT 1", "store_away", "CONNECTION LIMIT"),
        ("ALTER ROLE clerk NOLOGIN", "store_refused", "LOGIN"),
    ],
)
async def test_refusal_of_the_server_names_the_option_and_the_mend(
    joined: Typing, postgres: Cluster, clerk: Postgres, sql: str, code: str, words: str
) -> None:
    """Whoever reads it knows what to type; no configuration names that server yet."""
    postgres.do(sql.format(database(clerk)))
    exit_code, shown = await joined("store", "migrate", "--to", clerk.url)
    assert (exit_code, shown["error"]["code"]) == (Exit.STORE, code)
    said = shown["error"]["message"]
    assert said.startswith("--to: ")
    assert words in said
    assert "by itself" not in said


async def test_database_in_another_encoding_is_refused_with_what_can_be_done(
    joined: Typing, postgres: Cluster
) -> None:
    """It is fixed when a database is made."""
    postgres.do("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    _, shown = await joined("store", "migrate", "--to", postgres.url("latin"))
    assert shown["error"]["code"] == "store_unsafe"
    assert "ENCODING 'UTF8'" in shown["error"]["message"]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE mood AS ENUM ('calm')",
        "CREATE DOMAIN sealed AS text",
    ],
)
async def test_database_with_anything_in_it_is_refused(
    joined: Typing, postgres: Cluster, sql: str
) -> None:
    """Also with no table."""
    place = postgres.new()
    with psycopg.connect(place.url, autocommit=True) as owner:
        owner.execute(sql.encode())
    _, shown = await joined("store", "migrate", "--to", place.url)
    assert shown["error"]["code"] == "store_move_refused"


async def test_role_that_does_not_own_the_store_is_named_by_doctor(
    joined: Typing, postgres: Cluster, clerk: Postgres
) -> None:
    """It works on every row, and is shut out by the next version that changes a table."""
    url = postgres.url(database(clerk))
    assert (await joined("store", "migrate", "--to", url))[0] == Exit.OK
    assert "store_not_owned" not in await of_the_store(joined)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk")
        text = joined.config.source.read_text()
        joined.config.source.write_text(text.replace("//hotline@", "//clerk@"))
        assert "store_not_owned" in await of_the_store(joined)
        owner.execute(
            "DELETE FROM schema_files WHERE number = (SELECT max(number) FROM schema_files)"
        )
    code, why, message = await refused(joined.config.source)
    assert (code, why) == (Exit.STORE, "store_refused")
    assert message.startswith("store.url: its user")
