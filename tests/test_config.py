"""Settings: every wrong value is refused when the object is made, with its name, the value and what is allowed."""

from __future__ import annotations

import ast
import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.asyncio import client as websockets_client

from upbit_ws_qt.config import REGIONS, AlertLimits, ServiceConfig
from upbit_ws_qt.config_rules import is_loopback_literal
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, DataFormat, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterator

# websockets has moved it from one module to another within the range that pyproject.toml allows.
parse_proxy = vars(websockets_client)["parse_proxy"]
FIELDS = {item.name: str(item.type) for item in dataclasses.fields(ServiceConfig)}


def _config(name: str, value: Any) -> ServiceConfig:
    changes: dict[str, Any] = {name: value}
    return ServiceConfig(**changes)


def test_public_data_needs_no_configuration() -> None:
    config = ServiceConfig()
    assert config.credentials is None
    assert config.url(WebSocketType.PUBLIC) == "wss://api.upbit.com/websocket/v1"
    assert config.url(WebSocketType.PRIVATE) == "wss://api.upbit.com/websocket/v1/private"
    assert config.url(WebSocketType.INFO) == "wss://api.upbit.com/websocket/v1/info"
    assert ServiceConfig.production() == config


@pytest.mark.parametrize("name", sorted(name for name, kind in FIELDS.items() if kind in {"int", "float"}))
@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "7", None, True])
def test_numbers_are_numbers_within_their_range(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _config(name, wrong)
    assert caught.value.field == name
    assert repr(wrong) in str(caught.value)
    assert "from" in caught.value.allowed


@pytest.mark.parametrize("name", sorted(name for name, kind in FIELDS.items() if kind == "int"))
def test_whole_numbers_are_whole(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a whole number"):
        _config(name, float(getattr(ServiceConfig(), name)))


@pytest.mark.parametrize("name", sorted(name for name, kind in FIELDS.items() if kind == "bool"))
def test_switches_are_true_or_false(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}: 1 is not allowed; expected true or false"):
        _config(name, 1)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("data_format", "SIMPLE"),
        ("independence_level", "basic"),
        ("backpressure", {"max_queue_size": 1}),
        ("alert_limits", {"memory": 1}),
        ("credentials", ("key", "secret")),
        ("backoff_max", 0.1),
    ],
)
def test_other_fields_are_checked_too(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _config(name, wrong)
    assert caught.value.field == name


@pytest.mark.parametrize(
    "url",
    [
        "ws://api.upbit.com/websocket/v1",
        "ws://localhost:8080/",
        "ws://0.0.0.0:8080/",
        "ws://[::]:8080/",
        "https://api.upbit.com",
        "wss://user:password@api.upbit.com/",
        "wss://api.upbit.com/?a=b",
        "wss://api.upbit.com/#x",
        "wss://api.upbit.com:99999/",
        "wss://",
        "wss://[::1",
        "",
        None,
        7,
    ],
)
def test_an_unsafe_address_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ServiceConfig(public_url=url)
    assert caught.value.field == "public_url"
    assert "loopback" in caught.value.allowed


@pytest.mark.parametrize(
    "url", ["wss://me:CANARY@api.upbit.com/", "wss://:CANARY@api.upbit.com/", "CANARY@", "//@CANARY"]
)
def test_an_address_with_a_password_is_refused_without_repeating_it(url: str) -> None:
    for field in ("public_url", "private_url", "info_url", "rest_url"):
        with pytest.raises(ConfigurationError) as caught:
            _config(field, url)
        assert caught.value.field == field
        assert "CANARY" not in str(caught.value)
        assert "CANARY" not in repr(caught.value)


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:8080/websocket/v1", "ws://[::1]:9/", "ws://127.8.9.1/", "wss://x.test/a"]
)
def test_plain_text_is_for_loopback_only(url: str) -> None:
    assert ServiceConfig(public_url=url).public_url == url


@given(st.one_of(st.ip_addresses().map(str), st.text(max_size=20)))
def test_loopback_is_told_by_number(host: str) -> None:
    assert is_loopback_literal(host) == ((host.startswith("127.") and host.count(".") == 3) or host == "::1")


@pytest.mark.parametrize("proxy", ["proxy.test:8080", "ftp://proxy.test:21", "http://proxy.test", "http://[::1", 7, ""])
def test_a_wrong_proxy_is_refused_without_repeating_its_password(proxy: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"proxy: '\*\*\*'"):
        ServiceConfig(proxy=proxy)


_PROXY_PARTS = st.sampled_from(
    [
        "http",
        "https",
        "socks5",
        "socks4",
        "://",
        ":",
        "@",
        "/",
        "//",
        "?",
        "#",
        "me",
        "[::1]",
        "a.test",
        "8080",
        "x",
        "",
    ]
)


@given(st.lists(_PROXY_PARTS, max_size=9).map("".join))
@example("http://me:CANARY@127.0.0.1:8080/path")
@example("http://me:CANARY@127.0.0.1:8080?x")
@example("http://CANARY@127.0.0.1:8080")
def test_what_passes_for_a_proxy_can_be_used_as_one(proxy: str) -> None:
    """Websockets repeats an address that it cannot use, password and all, in its error."""
    try:
        config = ServiceConfig(proxy=proxy)
    except ConfigurationError as error:
        assert "CANARY" not in str(error)  # noqa: PT017 - most of them are refused
        return
    assert parse_proxy(proxy).host
    assert config.proxy == proxy


def test_the_password_of_a_proxy_is_not_shown() -> None:
    config = ServiceConfig(proxy="socks5://me:CANARY@127.0.0.1:1080")
    assert config.proxy == "socks5://me:CANARY@127.0.0.1:1080"
    assert "CANARY" not in repr(config)


def test_presets_differ_where_they_should() -> None:
    assert ServiceConfig.development().data_format is DataFormat.DEFAULT
    assert ServiceConfig.testing().backoff_max < 1
    assert ServiceConfig.testing(backoff_max=3.0).backoff_max == 3.0


def test_regions() -> None:
    assert ServiceConfig.for_region("kr") == ServiceConfig()
    for region in set(REGIONS) - {"kr"}:
        config = ServiceConfig.for_region(region)
        assert config.public_url == f"wss://{region}-api.upbit.com/websocket/v1"
        assert config.info_url is None
        assert config.region == region
        assert ServiceConfig.for_region(region, info_url="wss://example.net/").info_url is not None, "overrides win"
    with pytest.raises(ConfigurationError, match="kr, sg, id, th"):
        ServiceConfig.for_region("jp")


def test_a_file_and_the_environment_may_name_a_region(tmp_path: Path) -> None:
    path = tmp_path / "upbit.toml"
    path.write_text('region = "id"\nping_interval = 15.0\n')
    loaded = ServiceConfig.load(path)
    assert loaded == ServiceConfig.for_region("id", ping_interval=15.0)
    assert ServiceConfig.load(path, region="th").public_url == "wss://th-api.upbit.com/websocket/v1"
    assert ServiceConfig.from_env({"UPBIT_WS_REGION": "sg"}) == ServiceConfig.for_region("sg")
    with pytest.raises(ConfigurationError, match="region: 'jp'"):
        ServiceConfig.from_env({"UPBIT_WS_REGION": "jp"})
    with pytest.raises(ConfigurationError, match="region"):
        ServiceConfig(region="jp")


async def test_an_exchange_of_ones_own_is_asked_for_everything() -> None:
    async with EmbeddedExchange() as exchange:
        config = ServiceConfig.for_exchange(exchange, frame_rate=30)
        assert [config.url(line) for line in WebSocketType] == [
            exchange.public_url,
            exchange.private_url,
            exchange.info_url,
        ]
        assert config.rest_url == exchange.rest_url
        assert config.credentials is not None
        assert config.credentials.reveal() == (exchange.access_key, exchange.secret_key)
        assert config.frame_rate == 30
        assert ServiceConfig.for_exchange(exchange, credentials=None).credentials is None


def test_an_exchange_that_was_not_started_is_told_from_a_wrong_address() -> None:
    with pytest.raises(ConfigurationError, match="as soon as it was started"):
        ServiceConfig.for_exchange(EmbeddedExchange())


def test_a_toml_file_is_read_and_overridden(tmp_path: Path) -> None:
    path = tmp_path / "upbit.toml"
    path.write_text(
        'data_format = "simple"\nindependence_level = "basic"\nping_interval = 10\ninfo_url = ""\n'
        '[backpressure]\nstrategy = "throttle"\nmax_rate = 30\n'
    )
    config = ServiceConfig.load(path, ping_interval=12.0)
    assert config.data_format is DataFormat.SIMPLE
    assert config.independence_level is IndependenceLevel.BASIC
    assert config.ping_interval == 12.0
    assert config.info_url is None
    assert config.backpressure == BackpressureConfig(strategy=BackpressureStrategy.THROTTLE, max_rate=30)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("ping_intervall = 10", "ping_intervall"),
        ("ping_interval = '10'", "ping_interval"),
        ("data_format = 'XML'", "data_format"),
        ("credentials = 'key'", "credentials"),
        ("backpressure = 3", "backpressure"),
        ("alert_limits = 3", "alert_limits"),
        ("alert_limits = {heat = 3}", "alert_limits"),
        ("alert_limits = {memory = 'x'}", "alert_limits.memory"),
        ("alert_limits = {memory = 1}", "alert_limits.memory"),
        ("alert_limits = {errors = 1.5}", "alert_limits.errors"),
        ("alert_limits = {slow = nan}", "alert_limits.slow"),
        ("alert_limits = {unserved = true}", "alert_limits.unserved"),
        ("backpressure = {size = 3}", "backpressure"),
        ("backpressure = {strategy = 'pray'}", "backpressure.strategy"),
        ("backpressure = {max_queue_size = 'x'}", "backpressure.max_queue_size"),
        ("backpressure = {max_queue_size = 1.5}", "backpressure.max_queue_size"),
        ("backpressure = {deadline = nan}", "backpressure.deadline"),
        ("data_format = ''", "data_format"),
        ("independence_level = 3", "independence_level"),
        ("ping_interval = 1979-05-27", "ping_interval"),
        ("public_url = ''", "public_url"),
        ("proxy = 3", "proxy"),
        ("compression = 'yes'", "compression"),
        ("inbox_frames = 0x" + "f" * 5000, "inbox_frames"),
        ("inbox_frames = " + "9" * 5000, "path"),
        ("inbox_frames = " + "[" * 50_000, "path"),
        ("# " + "x" * 1024 * 1024, "path"),
        ("\0", "path"),
        ("ping_interval = ", "path"),
        ("\udcff", "path"),
    ],
)
def test_a_wrong_file_names_the_field(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "upbit.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as caught:
        ServiceConfig.load(path)
    assert caught.value.field == field


def test_keys_in_a_file_are_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "upbit.toml"
    path.write_text("[credentials]\nsecret_key = 'CANARY'")
    with pytest.raises(ConfigurationError) as caught:
        ServiceConfig.load(path)
    assert "CANARY" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        ServiceConfig.load(tmp_path / "none.toml")


@pytest.mark.parametrize("path", [None, 7.5, "a\0b", "", ".", b"\xff"])
def test_what_is_no_path_says_so(path: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ServiceConfig.load(path)
    assert caught.value.field == "path"


ODDITIES: list[Any] = [
    None, True, 0, -1, 10**400, 0.5, float("nan"), float("inf"), "", "x", "x" * 10_000, b"x", "\0", (), [], {},
    {"a": 1}, object(), Credentials, ServiceConfig, BackpressureStrategy.BLOCK, Decimal(1),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_whatever_a_setting_is_given_it_works_or_is_refused_by_name(name: str) -> None:
    for odd in ODDITIES:
        try:
            assert getattr(_config(name, odd), name) is odd
        except ConfigurationError as error:
            assert error.field == name  # noqa: PT017 - either may come
            assert len(str(error)) < 600  # noqa: PT017


def test_a_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _config("data_format", "x" * 10_000)
    assert len(str(caught.value)) < 400
    with pytest.raises(ConfigurationError, match="inbox_frames: this int is not allowed"):
        _config("inbox_frames", 16**5000)


def test_the_environment_is_read() -> None:
    environ = {
        "UPBIT_WS_PING_INTERVAL": "15",
        "UPBIT_WS_COMPRESSION": "no",
        "UPBIT_WS_INBOX_FRAMES": "1000",
        "UPBIT_WS_DATA_FORMAT": "simple_list",
        "UPBIT_WS_BACKPRESSURE": '{strategy = "block", deadline = 2.5}',
        "HOME": "/nowhere",
    }
    config = ServiceConfig.from_env(environ, inbox_frames=2000)
    assert config.ping_interval == 15.0
    assert config.compression is False
    assert config.inbox_frames == 2000
    assert config.data_format is DataFormat.SIMPLE_LIST
    assert config.backpressure.deadline == 2.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PING_INTERVAL", "soon"),
        ("COMPRESSION", "perhaps"),
        ("INBOX_FRAMES", "1.5"),
        ("BACKPRESSURE", "{"),
        ("ALERT_LIMITS", "[" * 50_000),
        ("INBOX_FRAMES", "9" * 5000),
        ("PRIVATE_URL", "api.upbit.com"),
        ("CREDENTIALS", "key"),
        ("NONE", "1"),
    ],
)
def test_a_wrong_variable_names_itself(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ServiceConfig.from_env({f"UPBIT_WS_{name}": value})
    assert caught.value.field.lower().endswith(name.lower())


def test_the_real_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBIT_WS_FRAME_RATE", "30")
    assert ServiceConfig.from_env().frame_rate == 30.0


def test_a_copy_is_checked_anew() -> None:
    config = ServiceConfig().replace(ping_interval=5.0)
    assert config.ping_interval == 5.0
    with pytest.raises(ConfigurationError):
        config.replace(ping_interval=500.0)
    with pytest.raises(ConfigurationError, match="unknown setting"):
        config.replace(ping=5.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.ping_interval = 1.0  # type: ignore[misc]


def test_the_representation_hides_the_keys() -> None:
    config = ServiceConfig(credentials=Credentials("CANARY-ACCESS", "CANARY-SECRET"))
    assert "CANARY" not in repr(config)


@pytest.mark.parametrize("field", ["private_url", "info_url"])
def test_real_keys_never_travel_in_the_clear(field: str) -> None:
    clear: dict[str, Any] = {field: "ws://127.0.0.1:8080/websocket/v1/x"}
    with pytest.raises(ConfigurationError, match=f"{field}: .*dummy keys"):
        ServiceConfig(credentials=Credentials("real-access", "real-secret"), **clear)
    dummy = Credentials("EmbeddedExchangeAccessKey1", "EmbeddedExchangeSecretKey1")
    assert ServiceConfig(credentials=dummy, **clear).credentials is dummy


def _attributes_read() -> Iterator[str]:
    """Give every name that is read as an attribute anywhere in the packages, but for the configuration's own files."""
    root = Path(__file__).parent.parent
    for path in [*root.glob("upbit_ws_qt/**/*.py"), *root.glob("widgets/**/*.py")]:
        if path.name not in ("config.py", "config_rules.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    yield node.attr


def test_every_setting_is_read_by_something() -> None:
    by_url = {"public_url", "private_url", "info_url"}  # read through ServiceConfig.url()
    assert set(FIELDS) - set(_attributes_read()) - by_url == set()


def test_alert_limits_come_from_a_table_and_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("[alert_limits]\nmemory = 536870912\nslow = 0.25\n", encoding="utf-8")
    config = ServiceConfig.load(path)
    assert config.alert_limits == AlertLimits(memory=512 * 1024**2, slow=0.25)
    assert ServiceConfig().alert_limits == AlertLimits()
    config = ServiceConfig.from_env({"UPBIT_WS_ALERT_LIMITS": "{loop_lag = 1.5}"})
    assert config.alert_limits.loop_lag == 1.5
    assert config.replace(alert_limits=AlertLimits(late=9)).alert_limits.late == 9
