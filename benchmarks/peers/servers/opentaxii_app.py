"""OpenTAXII for one open collection, as a WSGI application; run by gunicorn in its environment.

OpenTAXII 0.9.3 answers each TAXII 2.1 POST with 500 ("Object of type UUID is not JSON
serializable", eclecticiq/OpenTAXII#243) though the rows are kept. One line mends it here, so that
it can be compared at all.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path

import opentaxii.taxii2.http as answers
from opentaxii.config import ServerConfig
from opentaxii.middleware import create_app
from opentaxii.server import TAXIIServer

FOLDER = Path(os.environ["PEER_FOLDER"])
LIMIT_BYTES = 64 * 2**20


class _Json:
    """The `json` that OpenTAXII's answers are written with, for identifiers too."""

    dumps = staticmethod(functools.partial(json.dumps, default=str))


answers.json = _Json

_config = ServerConfig(
    extra_configs=[
        {
            "taxii1": None,
            "taxii2": {
                "title": "bench",
                "contact": "bench",
                "public_discovery": True,
                "max_content_length": LIMIT_BYTES,
                "persistence_api": {
                    "class": "opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI",
                    "parameters": {
                        "db_connection": f"sqlite:///{FOLDER / 'data.db'}",
                        "create_tables": True,
                    },
                },
            },
            "auth_api": {
                "class": "opentaxii.auth.sqldb.SQLDatabaseAPI",
                "parameters": {
                    "db_connection": f"sqlite:///{FOLDER / 'auth.db'}",
                    "create_tables": True,
                    "secret": "of no use: the collection is open",
                },
            },
            "logging": {"opentaxii": "error", "root": "error"},
        }
    ]
)
_server = TAXIIServer(_config)
app = create_app(_server)
app.debug = False


def _make_collection() -> None:
    """Make the collection and say where it takes objects."""
    with app.app_context():
        kept = _server.servers.taxii2.persistence.api
        root = kept.add_api_root(title="bench", description="", default=True, is_public=True)
        made = kept.add_collection(
            api_root_id=str(root.id), title="reports", description="", alias=None,
            is_public=True, is_public_write=True,
        )  # fmt: skip
        (FOLDER / "path").write_text(f"/taxii2/{root.id}/collections/{made.id}/objects/")


_make_collection()
