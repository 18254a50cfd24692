"""`radpipe app`: serves the page, with the process that computes started beside it."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from radpipe.app.viewer.limits import MAX_FILE
from radpipe.app.viewer.offered import Offered, offered
from radpipe.app.viewer.opened import CURRENT
from radpipe.app.viewer.wire import Message
from radpipe.core.errors import ConfigError

log = logging.getLogger("radpipe.app")

PAGE = Path(__file__).with_name("page.py")
# What Streamlit is told, whatever its own files and variables say.
OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    # Megabytes; the page says it in a sentence of its own before.
    "server.maxUploadSize": MAX_FILE // 10**6,
    "client.toolbarMode": "viewer",
    # A traceback is for the terminal of whoever started the page.
    "client.showErrorDetails": "none",
    "logger.level": "warning",
}


def app(
    *,
    folders: Sequence[Path] = (),
    allow_host: Sequence[str] = (),
    address: str = "localhost",
    port: int = 8501,
) -> None:
    """Show a model at work in the browser: a case, its maps, and how sure the answer is.

    Parameters
    ----------
    folders
        What `radpipe export` wrote; the project's finished runs are offered besides.
    allow_host
        Hosts from which the page may fetch a picture by its address.
    address, port
        Where the page is served; "localhost": to this machine alone.

    Raises
    ------
    ConfigError
        Streamlit is not installed, a folder is no predictor, there is no model at all, or what is
        named as a host is an address.

    """
    if find_spec("streamlit") is None:
        raise ConfigError(
            "radpipe app needs the package streamlit, which is not installed."
            " The way out: pip install 'radpipe[app]'"
        )
    _refuse_addresses(allow_host)
    try:
        # Loads torch while models are looked for and Streamlit is loaded.
        CURRENT.helper.start()
        models = _models(folders)
        CURRENT.folders, CURRENT.hosts = tuple(folders), tuple(allow_host)
        CURRENT.helper.begin(Message(models[0].asked()), models[0].kernels)
        log.info("http://%s:%d shows %d models; Ctrl+C ends it", address, port, len(models))
        _serve({**OPTIONS, "server.address": address, "server.port": port})
    finally:
        CURRENT.helper.stop()


def _models(folders: Sequence[Path]) -> list[Offered]:
    models, problems = offered(folders)
    if problems and not models:
        raise ConfigError("\n".join(problems))
    if not models:
        raise ConfigError(
            "There is no model: this folder has no finished run (radpipe run makes them), and no"
            " folder that radpipe export wrote was named."
        )
    for line in problems:
        log.warning("left out: %s", line)
    return models


def _refuse_addresses(hosts: Sequence[str]) -> None:
    """Refuse what no name of a host can be equal to, so that nobody waits for it in vain."""
    for host in hosts:
        if not host or set(host) & set("/:@?#[] "):
            raise ConfigError(
                f"--allow-host {host}: this is no host. Give its name alone, as films.example.org."
            )


def _serve(options: dict[str, Any]) -> None:
    from streamlit import net_util
    from streamlit.web import bootstrap

    # To judge a request from another site, Streamlit would ask a service on the internet for this
    # machine's address. None: such a request is refused.
    net_util.get_external_ip = lambda: None
    bootstrap.load_config_options(options)
    bootstrap.run(str(PAGE), False, [], options)
