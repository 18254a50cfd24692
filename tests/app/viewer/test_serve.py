"""`radpipe app`: what it refuses, and what it tells Streamlit."""

import importlib.util

import pytest
from streamlit import net_util
from streamlit.web import bootstrap
from streamlit.web.server import server_util

from radpipe.app.viewer import serve
from radpipe.app.viewer.opened import CURRENT
from radpipe.app.viewer.process import Helper
from radpipe.core.errors import ConfigError


def test_without_streamlit_the_way_out_is_said(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'radpipe\[app\]'"):
        serve.app()


def test_without_a_model_there_is_no_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="There is no model"):
        serve.app()
    with pytest.raises(ConfigError, match=r"nowhere/predictor\.json: missing"):
        serve.app(folders=[tmp_path / "nowhere"])


@pytest.mark.parametrize("host", ["https://films.example", "films.example:443", "a b", ""])
def test_a_host_is_a_name_alone(host):
    with pytest.raises(ConfigError, match="this is no host"):
        serve.app(allow_host=[host])


def test_nobody_is_asked_for_the_address_of_this_machine(monkeypatch):
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(bootstrap, "load_config_options", lambda _: None)
    monkeypatch.setattr(bootstrap, "run", lambda *_: None)
    serve._serve({})
    assert net_util.get_external_ip() is None
    assert not server_util.is_url_from_allowed_origins("http://elsewhere.example:8501")


def test_it_is_served_to_this_machine_without_statistics(inside, pictures, monkeypatch):
    told = {}
    monkeypatch.setattr(serve, "_serve", told.update)
    monkeypatch.setattr(CURRENT, "helper", Helper())
    monkeypatch.setattr(CURRENT, "folders", ())
    monkeypatch.setattr(CURRENT, "hosts", ())
    serve.app(folders=[pictures.folder], allow_host=["films.example"])
    assert told["server.address"] == "localhost"
    assert told["browser.gatherUsageStats"] is False
    assert told["server.fileWatcherType"] == "none"
    assert told["server.enableXsrfProtection"] is True
    assert CURRENT.hosts == ("films.example",)
    assert CURRENT.helper._process is None  # ended with the page
    assert importlib.util.find_spec("streamlit")
